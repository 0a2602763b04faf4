"""A report in a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import optuna

from ..errors import ConfigError
from ..report import replace_file
from ..study_data import StudyData
from .compose import contents_of
from .contents import Contents
from .gathered import Gathered
from .html import html_of
from .markdown import markdown_of
from .svg import png_of

ReportFormat = Literal["html", "md"]


def write_report(
    study: optuna.Study,
    path: str | Path,
    *,
    format: ReportFormat = "html",  # noqa: A002 - what it is called everywhere
    interactive: bool = False,
    data: StudyData | None = None,
    commands: Sequence[str] = (),
) -> Path:
    """Write what a study found as one HTML file that needs no network, or as Markdown with pictures beside it.

    It says, in this order: the verdict and what it rests on; the best parameters; forecasts and truth of each fold of
    the walk-forward choice; the squared error saved beside the naive forecast; scores by fold and trial; the search;
    which parameters matter; how much is luck of the search; time and failures; the data; what defines the study; how to
    get the same again. The same study gives the same file. A password is never in it.

    Parameters
    ----------
    study : optuna.Study
        Finished or not; where something is missing the report says so.
    path : str or Path
        Is replaced where it exists, all of it or nothing. Of Markdown, pictures are written into the folder beside it
        that is called as the file with ``_files`` in place of its suffix.
    format : {"html", "md"}, default "html"
    interactive : bool, default False
        Whether charts of the search can be pointed at and zoomed. The file is then some 5 MB and holds plotly's script;
        needs the extra ``kallos-tune[interactive]``. Of HTML alone.
    data : StudyData, optional
        What the study is about, the first of what :func:`kallos_tune.reload_study_data` returns. Without it, or where
        it has changed since, everything that needs the truth is left out, and the report says so.
    commands : sequence of str, optional
        That reproduce the study, to be shown.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    ConfigError
        Where the study was not made by Kallos, the format is another, or the file cannot be written.
    MissingMatplotlibError, MissingLibraryError
        Where matplotlib or jinja2 (extra ``kallos-tune[pictures]``) or plotly is not installed.
    """
    if format not in get_args(ReportFormat):
        raise ConfigError(f"must be html or md, not {format!r}", "format")
    if interactive and format != "html":
        raise ConfigError("is for HTML: Markdown holds pictures", "interactive")
    path = Path(path)
    gathered = Gathered(study, data, tuple(commands))
    contents = contents_of(gathered)
    if format == "md":
        _write_markdown(contents, path)
        return path
    if interactive:
        from .interactive import charts_of, plotly_script  # noqa: PLC0415 - imports pyplot and, where it is, plotly

        charts = charts_of(study, contents, score_name=gathered.score_name)
        page = html_of(contents, charts=charts, script=plotly_script())
    else:
        page = html_of(contents)
    replace_file(path, page.encode())
    return path


def _write_markdown(contents: Contents, path: Path) -> None:
    folder = path.with_name(f"{path.stem}_files")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write {folder}: {error.strerror}; name another file or folder") from error
    for picture in contents.pictures:
        replace_file(folder / f"{picture.name}.png", png_of(picture))
    replace_file(path, markdown_of(contents, folder.name).encode())
