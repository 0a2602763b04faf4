"""A report as one HTML file that asks for nothing from anywhere."""

from collections.abc import Mapping
from typing import Final

from ..errors import MissingLibraryError
from .contents import Code, Contents, Facts, Part, Picture, Table, Words, cell_text
from .svg import svg_of

# Whatever stands in a study or a table, a browser runs none of it and fetches nothing.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_POLICY_WITH_SCRIPT: Final = f"{_POLICY} blob:; script-src 'unsafe-inline' 'unsafe-eval'; worker-src blob:"
_KINDS: Final[Mapping[type[Part], str]] = {
    Words: "words",
    Table: "table",
    Facts: "facts",
    Picture: "picture",
    Code: "code",
}


def html_of(contents: Contents, *, charts: Mapping[str, str] | None = None, script: str = "") -> str:
    """Return a report as HTML.

    Parameters
    ----------
    contents : Contents
    charts : mapping of str to str, optional
        HTML that takes the place of pictures, by their names; see :mod:`kallos_tune.study_report.interactive`.
    script : str, default ""
        What these charts need.

    Raises
    ------
    MissingLibraryError
        Where jinja2 is not installed.
    MissingMatplotlibError
        Where matplotlib is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - an extra brings it
    except ModuleNotFoundError as error:
        raise MissingLibraryError("reports need", "jinja2", "pictures") from error
    environment = Environment(
        loader=PackageLoader("kallos_tune.study_report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    charts = charts or {}
    figures = {
        picture.name: charts[picture.name] if picture.name in charts else svg_of(picture)
        for picture in contents.pictures
    }
    return environment.get_template("report.html.jinja").render(
        contents=contents,
        figures=figures,
        charts=charts,
        script=script,
        policy=_POLICY_WITH_SCRIPT if script else _POLICY,
        kind_of=_kind_of,
        cell_text=cell_text,
    )


def _kind_of(part: Part) -> str:
    return _KINDS[type(part)]
