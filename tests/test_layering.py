"""Who may import whom, what stays light, and that every public name is there once."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = {
    "kallos_data": ROOT / "packages/kallos-data/src/kallos_data",
    "kallos_models": ROOT / "packages/kallos-models/src/kallos_models",
    "kallos_tune": ROOT / "packages/kallos-tune/src/kallos_tune",
    "kallos_cli": ROOT / "apps/cli/src/kallos_cli",
}
MAY_IMPORT = {
    "kallos_data": set(),
    "kallos_models": set(),
    "kallos_tune": {"kallos_data", "kallos_models"},
    "kallos_cli": {"kallos_data", "kallos_models", "kallos_tune"},
}
LIBRARIES = ["kallos_data", "kallos_models", "kallos_tune"]
HEAVY = {
    "torch",
    "darts",
    "pytorch_lightning",
    "optuna",
    "polars",
    "pandas",
    "sklearn",
    "matplotlib",
    "sqlalchemy",
    "ray",
}


def imports_of(path: Path) -> list[tuple[str, str]]:
    """Return (module, name) of every absolute import in a file, at any depth."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found += [(node.module, alias.name) for alias in node.names]
    return found


def public_names(library: str) -> dict[str, str]:
    """Return the names that a library's table of contents exposes, with the module each comes from."""
    table = ast.parse((SOURCES[library] / "__init__.pyi").read_text())
    lines = [node for node in table.body if isinstance(node, ast.ImportFrom)]
    assert len(lines) == len(table.body), "a table of contents holds imports and nothing else"
    names = [(alias.asname or alias.name, node.module) for node in lines for alias in node.names]
    assert len(dict(names)) == len(names), "each public name is exposed once"
    return dict(names)


@pytest.mark.parametrize("member", SOURCES)
def test_arrows_point_one_way_and_stop_at_private_names(member):
    for path in SOURCES[member].rglob("*.py"):
        for module, name in imports_of(path):
            sibling, *inside = module.split(".")
            if sibling not in SOURCES or sibling == member:
                continue
            where = f"{path.relative_to(ROOT)} imports {module} {name}"
            assert sibling in MAY_IMPORT[member], where
            assert not any(part.startswith("_") for part in [*inside, name]), where


@pytest.mark.parametrize("member", SOURCES)
def test_each_member_has_the_same_furniture(member):
    folder = SOURCES[member].parents[1]
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "tests"):
        assert (folder / name).exists(), f"{folder.name} lacks {name}"
    assert (SOURCES[member] / "py.typed").exists()
    assert not list(SOURCES[member].rglob("utils.py"))


@pytest.mark.parametrize("library", LIBRARIES)
def test_public_names_are_there_documented_and_silent(library):
    code = f"""
import importlib, {library} as library
for name, module in {public_names(library)!r}.items():
    value = getattr(library, name)
    assert value is getattr(importlib.import_module(f"{library}.{{module}}"), name), name
    if callable(value) and not getattr(value, "__origin__", None):
        assert (value.__doc__ or "").strip(), f"{{name}} has no docstring"
assert set({list(public_names(library))!r}) <= set(dir(library))
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def modules_after(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys\nprint(*(name.partition('.')[0] for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import kallos_data", HEAVY),
        ("import kallos_models; kallos_models.available_models()", HEAVY),
        ("import kallos_tune", HEAVY),
        ("import kallos_cli.app", HEAVY),
        ("from kallos_data import load_features_from_db, get_walk_forward_splits", {"torch", "darts", "optuna"}),
        ("from kallos_data import prepare_darts_timeseries", {"torch", "optuna"}),
        ("from kallos_tune import run_tuning, study_result", {"torch", "darts", "matplotlib", "ray"}),
    ],
)
def test_what_is_not_needed_is_not_loaded(statement, absent):
    assert modules_after(statement) & absent == set()
