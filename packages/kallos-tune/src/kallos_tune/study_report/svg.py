"""A figure as SVG that stands in a page: no id twice, colours of the page, words for those who cannot see it."""

import re
from io import BytesIO
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from .contents import Picture
from .figures.style import INK, drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NO_METADATA: Final = {"Date": None, "Creator": None, "Format": None, "Type": None}
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")
_HREF: Final = "{http://www.w3.org/1999/xlink}href"


def svg_of(picture: Picture) -> str:
    """Return a picture as an ``svg`` element of an HTML page.

    Text stays text. The ids begin with the picture's name, and only those are left that something refers to. What is
    drawn in ink has the colour of the text around it.

    Raises
    ------
    MissingMatplotlibError
        Where matplotlib is not installed.
    """
    with drawing(picture.name):
        root = ET.fromstring(_written(picture.draw()))  # noqa: S314 - matplotlib wrote it just now
    width, height = root.attrib["viewBox"].split()[2:]
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        if _HREF in element.attrib:
            element.attrib["href"] = element.attrib.pop(_HREF)
    _without_styles(root)
    _with_own_ids(root, picture.name)
    root.attrib.pop("version", None)
    root.attrib |= {"width": width, "height": height, "role": "img", "aria-label": picture.alt}
    return ET.tostring(root, encoding="unicode")


def png_of(picture: Picture) -> bytes:
    """Return a picture as PNG on white.

    Raises
    ------
    MissingMatplotlibError
        Where matplotlib is not installed.
    """
    buffer = BytesIO()
    with drawing(picture.name):
        picture.draw().savefig(buffer, format="png", dpi=130, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def _written(figure: "Figure") -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="svg", transparent=True, dpi=150, metadata=_NO_METADATA)
    return buffer.getvalue()


def _without_styles(root: ET.Element) -> None:
    """Take out the rules that would hold for the whole page; the page has them for its figures."""
    for definitions in root.findall("defs"):
        for style in definitions.findall("style"):
            definitions.remove(style)
        if not len(definitions):
            root.remove(definitions)


def _with_own_ids(root: ET.Element, name: str) -> None:
    referred = {found for element in root.iter() for value in element.attrib.values() for found in _references(value)}
    for element in root.iter():
        for key, value in list(element.attrib.items()):
            if key == "id":
                if value in referred:
                    element.attrib[key] = f"{name}-{value}"
                else:
                    del element.attrib[key]
            elif key == "href" and value.startswith("#"):
                element.attrib[key] = f"#{name}-{value[1:]}"
            else:
                element.attrib[key] = _REFERENCE.sub(rf"url(#{name}-\1)", value).replace(INK, "currentColor")


def _references(value: str) -> list[str]:
    return [value[1:]] if value.startswith("#") else _REFERENCE.findall(value)
