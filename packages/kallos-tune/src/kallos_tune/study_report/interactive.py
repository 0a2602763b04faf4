"""Charts that can be pointed at and zoomed, by plotly, which becomes part of the page (extra ``interactive``)."""

from collections.abc import Callable
from typing import Any

import optuna
from optuna.trial import TrialState
from optuna.visualization import (
    plot_optimization_history,
    plot_parallel_coordinate,
    plot_param_importances,
    plot_slice,
)

from ..errors import MissingLibraryError
from .contents import Contents


def charts_of(study: optuna.Study, contents: Contents, *, score_name: str) -> dict[str, str]:
    """Return the HTML of charts that take the place of pictures, by the pictures' names.

    Raises
    ------
    MissingLibraryError
        Where plotly is not installed.
    """
    to_html = _plotly().to_html
    makers: dict[str, Callable[[], Any]] = {
        "history": lambda: _history(study, score_name),
        "importances": lambda: plot_param_importances(study, target_name=score_name),
        "slices": lambda: plot_slice(study, target_name=score_name),
        "parallel": lambda: plot_parallel_coordinate(study, target_name=score_name),
    }
    names = [picture.name for picture in contents.pictures if picture.name in makers]
    options = {"full_html": False, "include_plotlyjs": False, "config": {"responsive": True, "displaylogo": False}}
    return {name: to_html(makers[name](), div_id=f"chart-{name}", **options) for name in names}


def plotly_script() -> str:
    """Return plotly's script as an element of a page.

    Raises
    ------
    MissingLibraryError
        Where plotly is not installed.
    """
    _plotly()
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - an extra brings it

    return f"<script>{get_plotlyjs()}</script>"


def _history(study: optuna.Study, score_name: str) -> Any:  # noqa: ANN401 - a figure of an untyped library
    figure: Any = plot_optimization_history(study, target_name=score_name)
    pruned = [
        trial for trial in study.get_trials(deepcopy=False, states=(TrialState.PRUNED,)) if trial.intermediate_values
    ]
    figure.add_scatter(
        x=[trial.number for trial in pruned],
        y=[trial.intermediate_values[max(trial.intermediate_values)] for trial in pruned],
        mode="markers",
        marker={"symbol": "x", "color": "#8b919b"},
        name="pruned (error so far)",
    )
    return figure


def _plotly() -> Any:  # noqa: ANN401 - an untyped module
    try:
        import plotly.io  # noqa: PLC0415 - an extra brings it
    except ModuleNotFoundError as error:
        raise MissingLibraryError("needs", "plotly", "interactive", parameter="interactive") from error
    return plotly.io
