"""Each member declares the packages that it imports and no others, with the same bounds as its siblings."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECTS = {
    project["name"]: (path.parent, project)
    for path in sorted(ROOT.glob("*/*/pyproject.toml"))
    for project in [tomllib.loads(path.read_text())["project"]]
}
# Distributions whose module has another name.
DISTRIBUTIONS = {"psycopg2": "psycopg2-binary", "sklearn": "scikit-learn", "talib": "ta-lib"}
NEEDED_WITHOUT_AN_IMPORT = {
    "kallos-data": {
        "numba": "keeps resolvers away from releases that Darts would accept and that no longer build",
    },
    "kallos-models": {
        "numba": "as for kallos-data",
        "pandas": "keeps away a release with which this version of Darts fails",
    },
    "kallos-tune": {"pytorch-lightning": "its version is stored with each study"},
    "kallos-cli": {},
}


def imported(folder: Path) -> set[str]:
    """Return the distributions that a member's files import, at any depth, its own modules and Python's left out."""
    found = set()
    (package,) = (path for path in (folder / "src").iterdir() if path.is_dir())
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add(node.module.partition(".")[0])
    modules = found - set(sys.stdlib_module_names) - {package.name}
    return {DISTRIBUTIONS.get(module, module.replace("_", "-")) for module in modules}


def declared(project: dict) -> list[tuple[str, str]]:
    """Return name and bounds of every requirement, those of extras included."""
    extras = project.get("optional-dependencies", {}).values()
    requirements = [*project["dependencies"], *(requirement for extra in extras for requirement in extra)]
    return [re.fullmatch(r"([\w-]+)(?:\[[\w,-]+\])?(.*)", requirement).groups() for requirement in requirements]


@pytest.mark.parametrize("member", PROJECTS)
def test_what_is_imported_is_declared_and_nothing_else(member):
    folder, project = PROJECTS[member]
    names = {name for name, _ in declared(project)}
    without_import = set(NEEDED_WITHOUT_AN_IMPORT[member])
    assert names - without_import == imported(folder)
    assert without_import <= names


def test_siblings_have_the_same_bounds():
    bounds = {}
    for _, project in PROJECTS.values():
        for name, bound in declared(project):
            bounds.setdefault(name, set()).add(bound)
    assert {name: found for name, found in bounds.items() if len(found) > 1} == {}
