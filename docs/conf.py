"""How Sphinx makes these pages a site: `scripts/site` builds it."""

from importlib.metadata import version as version_of

from sphinx.application import Sphinx

project = "Kallos"
author = "The Kallos authors"
release = version = version_of("kallos-cli")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["examples"]
html_theme = "furo"
html_title = "Kallos"
myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_member_order = "groupwise"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

# Pages link to files of the repository, where they are read as well; on the site these are pages, too.
PAGES_OF_FILES = {"../benchmarks/RESULTS.md": "results.md"}


def lead_to_pages(app: Sphinx, name: str, source: list[str]) -> None:  # noqa: ARG001 - Sphinx's own
    """Let links to files lead to the pages that show them."""
    for file, page in PAGES_OF_FILES.items():
        source[0] = source[0].replace(f"]({file}", f"]({page}")


def setup(app: Sphinx) -> None:
    """Join in where Sphinx reads a page."""
    app.connect("source-read", lead_to_pages)
