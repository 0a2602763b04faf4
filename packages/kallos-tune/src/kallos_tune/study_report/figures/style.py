"""How the figures of a report look: colours that read on light and on dark, no state of pyplot, the same everywhere."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import MissingMatplotlibError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

INK: Final = "#1b1c1f"
"""Text and axes; where a figure stands in a page, they take the page's colour instead."""
BLUE: Final = "#2f7fd6"
ORANGE: Final = "#e07b1a"
GREY: Final = "#8b919b"
RED: Final = "#d2495a"
GREEN: Final = "#2b9d70"
VIOLET: Final = "#8a63c4"

WIDTH: Final = 9.0
_MOST_POINTS: Final = 800

_SETTINGS: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # names of columns and studies are no formulas
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "axes.titlelocation": "left",
    "axes.formatter.use_mathtext": False,
    "axes.formatter.limits": (-4, 5),
    "axes.unicode_minus": True,
    "font.family": "DejaVu Sans",  # matplotlib's own; in a page it gives way to that of the text
    "font.size": 9,
    "legend.frameon": False,
    "legend.fontsize": "small",
    "lines.linewidth": 1.0,
}


@contextmanager
def drawing(name: str) -> Generator[None]:
    """Draw and write a figure within this: matplotlib's settings are those of reports, and then again what they were.

    Parameters
    ----------
    name : str
        Of the figure, from which the ids within its SVG are made.

    Raises
    ------
    MissingMatplotlibError
        Where matplotlib is not installed.
    """
    try:
        from matplotlib import style  # noqa: PLC0415 - only those who draw wait for it
    except ModuleNotFoundError as error:
        raise MissingMatplotlibError from error
    with style.context(["default", _SETTINGS | {"svg.hashsalt": name}]):
        yield


def new_figure(*, height: float, width: float = WIDTH) -> "Figure":
    """Return an empty figure, sizes in inches."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only those who draw wait for it

    return Figure(figsize=(width, height), layout="constrained")


def faint_grid(axis: "Axes", which: str = "y") -> None:
    """Draw lines that help the eye and no more."""
    axis.grid(axis=which, color=INK, alpha=0.12, linewidth=0.6)  # pyright: ignore[reportArgumentType] - "x", "y", "both"
    axis.set_axisbelow(True)


def date_axis(axis: "Axes") -> None:
    """Write dates as short as they can be told apart."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415

    locator = AutoDateLocator(minticks=3, maxticks=9)
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axis.margins(x=0)


def good_to_bad() -> "Colormap":
    """Return colours from good (strong) to bad (pale)."""
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415

    return LinearSegmentedColormap.from_list("good to bad", [BLUE, "#7aa0c8", "#b3b8c0"])


def thinned(times: NDArray[Any], values: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return a line of at most 800 points that looks as it is: the lowest and the highest of each short stretch."""
    if len(values) <= _MOST_POINTS:
        return times, values
    stretches = np.array_split(np.arange(len(values)), _MOST_POINTS // 2)
    ends = [sorted((each[np.argmin(values[each])], each[np.argmax(values[each])])) for each in stretches]
    kept = np.unique(np.concatenate([[0, len(values) - 1], *ends]))
    return times[kept], values[kept]
