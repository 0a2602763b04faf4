"""What a forecaster's card says of it beyond its networks, and the check of cards that come from elsewhere."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from kallos_data import (
    FeatureScaler,
    FeatureTables,
    Step,
    TargetScaler,
    check_feature_groups,
)
from kallos_data import KallosError as DataError
from kallos_models import ModelFileError, read_forecaster_card

from ..verdict.verdict import Verdict
from ..verdict.wording import verdict_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecasterCard:
    """A forecaster in JSON's own types.

    Attributes
    ----------
    study_name : str
    asset_id, target_col, metric : str
    around_zero : bool
        Whether the target swings around 0, so that 0 is a naive forecast of it.
    feature_groups : dict of str to list of str
    feature_scaler, target_scaler : dict
        As fitted on the training window; the latter says what is learnt of the target.
    tables : dict
        See :class:`kallos_data.FeatureTables`.
    max_gap : int
        Longest run of missing steps that is filled.
    step : dict
        ``seconds`` from bar to bar, and whether there are ``working_days`` alone.
    purge : int
        Steps between the last one known and the one forecast, less one.
    train_first, train_last : str
        First and last step trained on, ISO 8601.
    known_until : str
        Last step that had a part in it: ``purge`` and the steps that stopped the training come after ``train_last``.
    data_hash : str
        Of all data up to there.
    members : list of dict
        ``trial``, ``seed`` and ``epochs`` of each network.
    stop_on_last : int or None
        Steps that stopped the training.
    verdict : dict or None
        What was announced of the study.
    made_from : str
        Hash of all that decided the training: data, hyperparameters, seeds, epochs, versions.
    """

    study_name: str
    asset_id: str
    target_col: str
    metric: str
    around_zero: bool
    feature_groups: dict[str, list[str]]
    feature_scaler: dict[str, Any]
    target_scaler: dict[str, Any]
    tables: dict[str, Any]
    max_gap: int
    step: dict[str, Any]
    purge: int
    train_first: str
    train_last: str
    known_until: str
    data_hash: str
    members: list[dict[str, Any]]
    stop_on_last: int | None
    verdict: dict[str, Any] | None
    made_from: str

    def to_dict(self) -> dict[str, Any]:
        """Return the card in JSON's own types."""
        return asdict(self)

    @classmethod
    def of(cls, about: Mapping[str, Any], *, n_members: int) -> Self:
        """Return a card that was read from a file, every part of which can be used.

        Raises
        ------
        kallos_models.ModelFileError
            Where one is missing or impossible.
        """
        names = {field.name for field in fields(cls)}
        if missing := sorted(names - about.keys()):
            raise ModelFileError(
                f"its card lacks {', '.join(missing)}: it was not saved by kallos-run train, or is damaged; train again"
            )
        card = cls(**{name: about[name] for name in names})
        try:
            card.check(n_members)
        except (DataError, KeyError, TypeError, ValueError, OverflowError, AttributeError, AssertionError) as error:
            raise ModelFileError(f"its card is damaged ({error}): train again") from error
        return card

    def check(self, n_members: int) -> None:
        """Raise where a part of the card cannot be used, or contradicts another.

        Raises
        ------
        kallos_data.ConfigError, KeyError, TypeError, ValueError, OverflowError, AttributeError, AssertionError
        """
        check_feature_groups(self.feature_groups, target_col=self.target_col)
        scaler, _ = self.scalers
        if scaler.columns != self.features:
            raise ValueError("its scaler has other features")
        numbers: list[object] = [self.purge, self.max_gap]
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise TypeError("purge and max_gap are no whole numbers of 0 or more")
        if len(self.members) != n_members or not all(isinstance(each, dict) for each in self.members):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"it names {len(self.members)} members, and there are {n_members}")
        if not self.first_trained <= self.last_trained <= self.last_known:
            raise ValueError("its training span has no order")
        _ = (self.grid_step, self.feature_tables, self.verdict_line)

    @property
    def features(self) -> tuple[str, ...]:
        """Past covariates, in their order."""
        return tuple(column for columns in self.feature_groups.values() for column in columns)

    @property
    def scalers(self) -> tuple[FeatureScaler, TargetScaler]:
        """The scalers of features and target."""
        return (
            FeatureScaler.from_dict(self.feature_scaler),  # pyright: ignore[reportArgumentType]
            TargetScaler.from_dict(self.target_scaler),  # pyright: ignore[reportArgumentType]
        )

    @property
    def grid_step(self) -> Step:
        """From bar to bar."""
        return Step(timedelta(seconds=self.step["seconds"]), working_days=self.step["working_days"])

    @property
    def feature_tables(self) -> FeatureTables:
        """Where its history lies."""
        return FeatureTables(**self.tables)

    @property
    def first_trained(self) -> datetime:
        """The first step trained on, UTC."""
        return _moment(self.train_first)

    @property
    def last_trained(self) -> datetime:
        """The last step trained on, UTC."""
        return _moment(self.train_last)

    @property
    def last_known(self) -> datetime:
        """The last step that had a part in the training, UTC."""
        return _moment(self.known_until)

    @property
    def verdict_line(self) -> str:
        """What was announced of the study that it is from, in one line; it begins with "verdict:"."""
        if self.verdict is None:
            return "verdict: none, its study had not been judged: do not trade on it"
        return next(line for line in verdict_lines(Verdict.from_dict(self.verdict)) if line.startswith("verdict:"))

    @property
    def horizon(self) -> int:
        """Steps from the last known one to the one forecast."""
        return 1 + self.purge


def load_card(folder: str | Path) -> ForecasterCard:
    """Read what the card of a forecaster says, without torch and without a look at its weights.

    Raises
    ------
    kallos_models.ModelFileError
        Where no forecaster is there, or its card is damaged or of something else.
    """
    saved = read_forecaster_card(folder)
    return ForecasterCard.of(saved.about, n_members=len(saved.members))


def step_facts(step: Step) -> dict[str, Any]:
    """Return a step as a card has it."""
    return {"seconds": step.length.total_seconds(), "working_days": step.working_days}


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    return moment
