"""Judge a forecaster, or anybody's forecasts, on steps that had no part in its making."""

from collections.abc import Mapping

from kallos_data import DatabaseConfig, InsufficientDataError, Moment

from ..errors import ConfigError
from .evaluation import Evaluation, Judged
from .judging import Period, judged
from .later_steps import just_before, later_steps
from .newest import history_for
from .trained import Trained, forecasts_of


def evaluate_forecaster(
    trained: Trained,
    db_kwargs: Mapping[str, object] | str | DatabaseConfig,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    asset_id: str | None = None,
    allow_overlap: bool = False,
    looks: int | None = None,
) -> Evaluation:
    """Judge a forecaster on later steps, each forecast from what was known the step before.

    Parameters
    ----------
    trained : Trained
        From :func:`kallos_tune.load_trained` or :func:`kallos_tune.train_forecaster`.
    db_kwargs : mapping, str or DatabaseConfig
        Database of the history.
    start, end : str, date or datetime, optional
        First and last step judged, inclusive; by default all after the training that there are.
    asset_id : str, optional
        Another asset than it was trained on.
    allow_overlap : bool, default False
        Whether steps may be judged that had a part in the training.
    looks : int, optional
        How often this period has been judged, this time included, where that is known; see
        :func:`kallos_tune.count_look`.

    Returns
    -------
    Evaluation

    Raises
    ------
    ConfigError
        Where the period overlaps the training, or begins after its own end.
    kallos_data.InsufficientDataError
        Where no step lies after the training, or too few lie before it for a forecast.
    kallos_data.KallosError
        As in :func:`kallos_data.load_history`; a feature that is missing is named.
    """
    card = trained.card
    period = Period.of(start, end)
    overlap = period.first is not None and period.first <= card.last_known
    if overlap and not allow_overlap:
        raise ConfigError(
            f"must lie after {card.last_known:%Y-%m-%d %H:%MZ}, the last step that had a part in the training, and "
            f"{period.first:%Y-%m-%d %H:%MZ} does not: a model is no test of itself",
            "start",
        )
    if not overlap:
        period.require_later(card.last_known, card.grid_step)
    history = history_for(card, db_kwargs, asset_id=asset_id, end=period.last)
    after = just_before(period.first) if overlap and period.first is not None else card.last_known
    n_before = int((history.frame["timestamp"] <= after).sum())
    if n_before < trained.look_back:
        raise InsufficientDataError(
            trained.look_back,
            n_before,
            purpose=f"a first forecast of {asset_id or card.asset_id} after {after:%Y-%m-%d %H:%MZ}",
            remedy="judge later steps, or load a longer history",
        )
    steps = later_steps(card, history, after=after)
    return judged(
        steps,
        forecasts_of(trained.members, steps.fold),
        Judged(
            what=trained.what,
            asset_id=asset_id or card.asset_id,
            target_col=card.target_col,
            metric=card.metric,  # pyright: ignore[reportArgumentType] - it is checked when a card is read
            around_zero=card.around_zero,
            step=card.grid_step,
            look_back=trained.look_back - card.purge,
            trained_until=card.last_known,
            overlap=overlap,
            looks=looks,
        ),
        period,
    )
