"""What a score is called, and by what a verdict measures skill, with and without quantiles."""

from typing import Final, Literal

Metric = Literal["rmse", "mae"]
ScoreName = Literal["rmse", "mae", "pinball"]

PINBALL: Final = "pinball"


def score_name_of(metric: Metric, likelihood: str) -> ScoreName:
    """Return what a trial's score is: the metric; of quantiles the pinball loss, whatever the metric."""
    return PINBALL if likelihood == "quantile" else metric


def judged_metric_of(metric: Metric, likelihood: str) -> Metric:
    """Return what verdicts measure skill by: the metric; of quantiles MAE, which their median minimises."""
    return "mae" if likelihood == "quantile" else metric
