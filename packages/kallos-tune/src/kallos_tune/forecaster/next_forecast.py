"""What is said of the steps that come next, as rows and in JSON's own types."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import polars as pl

from kallos_data import in_utc


@dataclass(frozen=True, slots=True)
class StepForecast:
    """The forecast of one step.

    Attributes
    ----------
    time : datetime
        Of the step that it is for, UTC.
    forecast : float
        In the target's unit: the mean of the members.
    spread : float or None
        Standard deviation between members; None for a single one.
    price : float or None
        The close that it means, where the target is a log return of one step or a price; None elsewhere.
    quantiles : tuple of float or None
        Of :data:`kallos_models.QUANTILES`, in the target's unit: the mean of the members' quantiles. None for
        forecasters without any and for later steps, which feed on medians.
    """

    time: datetime
    forecast: float
    spread: float | None
    price: float | None
    quantiles: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What comes next.

    Attributes
    ----------
    asset_id, target_col, what : str
    known_until : datetime
        The newest step that was read.
    age_steps : float
        How many steps have passed since that one was over.
    steps : tuple of StepForecast
    held : tuple of str
        Features that were taken to stay as they are, since a later step needed them.
    """

    asset_id: str
    target_col: str
    what: str
    known_until: datetime
    age_steps: float
    steps: tuple[StepForecast, ...]
    held: tuple[str, ...] = ()

    def frame(self) -> pl.DataFrame:
        """Return a row a step: ``time``, ``forecast``, ``spread``, ``price``; of quantiles, 0.05 and 0.95 as bounds.

        Returns
        -------
        polars.DataFrame, [horizon, 4 or 6]
            The bounds are ``low`` and ``high``, there where quantiles are forecast.
        """
        rows = [{name: value for name, value in asdict(step).items() if name != "quantiles"} for step in self.steps]
        frame = pl.DataFrame(rows, schema_overrides={"spread": pl.Float64, "price": pl.Float64})
        quantiles = [step.quantiles for step in self.steps]
        if not any(quantiles):
            return frame
        bounds = {"low": 0, "high": -1}
        return frame.with_columns(
            pl.Series(name, [None if each is None else each[place] for each in quantiles], dtype=pl.Float64)
            for name, place in bounds.items()
        )

    def rows(self, model: str, made_at: datetime) -> pl.DataFrame:
        """Return the forecast as rows of a table of forecasts; see :func:`kallos_data.store_forecasts`.

        Parameters
        ----------
        model : str
            What the forecaster is called there.
        made_at : datetime
            The present.
        """
        keys = {"model": model, "asset": str(self.asset_id), "made_at": made_at, "known_until": self.known_until}
        rows = self.frame().with_columns(pl.lit(value).alias(name) for name, value in keys.items())
        first = ["model", "asset", "time", "made_at", "known_until"]
        return rows.select(*first, *(name for name in rows.columns if name not in first))

    def to_dict(self) -> dict[str, Any]:
        """Return it in JSON's own types."""
        facts = asdict(self)
        facts["known_until"] = in_utc(self.known_until)
        facts["steps"] = [step | {"time": in_utc(step["time"])} for step in facts["steps"]]
        return facts
