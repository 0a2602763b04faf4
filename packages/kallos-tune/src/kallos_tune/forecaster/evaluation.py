"""What an evaluation found: errors, the verdict, and every forecast."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from kallos_data import Step, in_utc

from ..pictures import plot_hold_out
from ..score_names import Metric
from ..verdict.baseline_names import baseline_in_words
from ..verdict.figures import counted, signed_per_cent
from ..verdict.hold_out import HoldOut
from ..verdict.hold_out_verdict import HoldOutVerdict
from ..verdict.hold_out_wording import OVERLAP, hold_out_lines
from ..verdict.quantiles import QuantileFindings
from ..verdict.sentences import naive_in_words
from .quantile_columns import MEDIAN_COLUMN, QUANTILE_COLUMNS
from .trained import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ERRORS: Final = {"rmse": "squared error (RMSE)", "mae": "absolute error (MAE), which a median minimises"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Whose forecasts are judged, and of what.

    Attributes
    ----------
    what : str
        As a sentence begins with it: the average of 5 gru networks.
    asset_id, target_col : str
    metric : {"rmse", "mae"}
    around_zero : bool
        Whether 0 is a naive forecast, too.
    step : Step
        From bar to bar.
    look_back : int
        Steps that baselines read.
    trained_until : datetime or None
        The last step that had a part in the forecaster's making, where that is known.
    overlap : bool
        Whether steps are judged that had.
    looks : int or None
        How often the period has been judged, this time included, where that is known.
    """

    what: str
    asset_id: str
    target_col: str
    metric: Metric
    around_zero: bool
    step: Step
    look_back: int
    trained_until: datetime | None = None
    overlap: bool = False
    looks: int | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """The errors of one forecast over the period, in the target's unit.

    Attributes
    ----------
    name, kind : str
        ``"forecaster"``, ``"naive"`` or ``"baseline"``.
    rmse, mae : float
    skill : float or None
        ``1 - error / error of the naive forecast to beat``, by the study's metric.
    """

    name: str
    kind: str
    rmse: float
    mae: float
    skill: float | None

    @property
    def words(self) -> str:
        """The name as a reader understands it."""
        return {"naive": naive_in_words, "baseline": baseline_in_words}.get(self.kind, str)(self.name)

    @property
    def skill_in_words(self) -> str | None:
        """The skill in per cent, as "+0.3 %"; None where there is none."""
        return None if self.skill is None else f"{signed_per_cent(self.skill)} %"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A period judged.

    Attributes
    ----------
    of : Judged
        Whose forecasts, and of what.
    data : HoldOut
        Truth, forecast and naive forecasts at the judged steps.
    members : numpy.ndarray, float64, [M, N]
        What each member forecast of them.
    baselines : dict of str to numpy.ndarray, float64, [N]
    verdict : HoldOutVerdict
    baseline_skills : dict of str to float or None
    scores : tuple of Score
        The forecaster first, then naive forecasts and baselines, the best of them first.
    n_filled : int
        Steps of the period that are not judged, since the source has no value of them.
    n_left_out : int
        Observed steps between the first and the last one judged that nobody forecast.
    quantiles : numpy.ndarray, float64, [N, Q], or None
        Forecast quantiles, of :data:`kallos_models.QUANTILES`; None where none were forecast.
    of_quantiles : QuantileFindings or None
        How often their intervals held and what they lose; None also where a quantile is not finite.
    """

    of: Judged
    data: HoldOut
    members: Floats
    baselines: dict[str, Floats]
    verdict: HoldOutVerdict
    baseline_skills: dict[str, float | None]
    scores: tuple[Score, ...]
    n_filled: int
    n_left_out: int = 0
    quantiles: Floats | None = None
    of_quantiles: QuantileFindings | None = None

    def lines(self) -> list[str]:
        """Return what is to be said of the period, a sentence a line."""
        lines = hold_out_lines(
            self.verdict,
            what=self.of.what,
            better_baselines=self.baseline_skills,
            looks=self.of.looks or 1,
            overlap=self.of.overlap,
        )
        more = [*self._line_of_left_out(), *self._lines_of_quantiles()]
        return lines + [line + OVERLAP if self.of.overlap else line for line in more]

    def _line_of_left_out(self) -> list[str]:
        if not self.n_left_out:
            return []
        of_all = len(self.data.times) + self.n_left_out
        line = (
            f"{self.n_left_out} of {counted(of_all, 'step')} in between were not forecast, and are not judged: who "
            "chooses the steps can choose the result"
        )
        return [line]

    def _lines_of_quantiles(self) -> list[str]:
        if self.quantiles is None:
            return []
        if self.of_quantiles is None:
            n_wrong = int((~np.isfinite(self.quantiles)).any(axis=1).sum())
            return [f"quantiles: not judged, they are infinite or not a number at {counted(n_wrong, 'step')}"]
        of_median = np.allclose(self.data.forecast, self.quantiles[:, QUANTILE_COLUMNS.index(MEDIAN_COLUMN)])
        about = [f"the forecast is the median, and skills are by {_ERRORS[self.of.metric]}"] if of_median else []
        return [*about, *self.of_quantiles.lines()]

    @property
    def mean_spread(self) -> float | None:
        """The mean over steps of the standard deviation between members; None for a single one."""
        return float(self.members.std(axis=0, ddof=1).mean()) if len(self.members) > 1 else None

    def pictures(self) -> "dict[str, Figure]":
        """Return the judged period as pictures; see :func:`kallos_tune.plot_hold_out`.

        Of quantiles the interval is that from 5 to 95 %.

        Raises
        ------
        MissingMatplotlibError
            Where matplotlib is not installed.
        """
        data = self.data
        low, high = (None, None) if self.quantiles is None else (self.quantiles[:, 0], self.quantiles[:, -1])
        return plot_hold_out(
            data.times,
            data.actual,
            data.forecast,
            data.naive[data.to_beat],
            title=f"{self.of.target_col} of {self.of.asset_id}, by {self.of.what}",
            naive_name=naive_in_words(data.to_beat),
            low=low,
            high=high,
        )

    def forecasts(self) -> pl.DataFrame:
        """Return every forecast of the judged steps.

        Returns
        -------
        polars.DataFrame, [N, ...]
            ``timestamp`` (UTC), ``actual``, ``forecast``, ``spread`` between members where there are several, ``q05``
            to ``q95`` where quantiles were forecast, and a column for each naive forecast and baseline, spaces in its
            name as ``_``.
        """
        columns: dict[str, Any] = {
            "timestamp": pl.Series(self.data.times).dt.replace_time_zone("UTC"),
            "actual": self.data.actual,
            "forecast": self.data.forecast,
        }
        if len(self.members) > 1:
            columns["spread"] = self.members.std(axis=0, ddof=1)
        if self.quantiles is not None:
            columns |= dict(zip(QUANTILE_COLUMNS, self.quantiles.T, strict=True))
        others = {**self.data.naive, **self.baselines}
        return pl.DataFrame(columns | {name.replace(" ", "_"): values for name, values in others.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome in JSON's own types, without the single forecasts."""
        until = self.of.trained_until
        return {
            "what": self.of.what,
            "asset_id": self.of.asset_id,
            "target_col": self.of.target_col,
            "trained_until": None if until is None else in_utc(until),
            "overlap": self.of.overlap,
            "looks": self.of.looks,
            "n_filled": self.n_filled,
            "n_left_out": self.n_left_out,
            "mean_spread": self.mean_spread,
            "scores": [asdict(score) for score in self.scores],
            "quantiles": None if self.of_quantiles is None else self.of_quantiles.to_dict(),
            "verdict": self.verdict.to_dict(),
            "lines": self.lines(),
        }
