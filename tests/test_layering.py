"""Which room may import what, what stays unloaded, and that every public name is there once."""

import subprocess
import sys

import pytest
from rooms import PAGE, ROOT, SOURCES, circles, forbidden, homeless, public_names, reach, read_rooms, read_tree

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
    "arch",
    "scipy",
    "statsmodels",
}
ROOMS = read_rooms((ROOT / PAGE).read_text(encoding="utf-8"))
TREE = read_tree()
PUBLIC = {package: public_names(package) for package in SOURCES}


def test_every_module_has_one_room():
    say_none(homeless(ROOMS, TREE))


@pytest.mark.parametrize("package", SOURCES)
def test_rooms_import_what_their_row_allows(package):
    tree = {module: source for module, source in TREE.items() if module.partition(".")[0] == package}
    say_none(forbidden(ROOMS, tree, PUBLIC))


def test_nothing_goes_round_in_circles():
    say_none(circles(ROOMS, TREE))


def say_none(faults):
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("room", ["storage", "claims", "workers"])
def test_the_core_knows_nothing_of_forecasting(room):
    about_forecasting = {"evaluation", "verdict", "settings", "study", "kallos_data", "kallos_models", "darts", "torch"}
    assert reach(ROOMS, "kallos_tune", room) & about_forecasting == set()


def test_a_verdict_knows_neither_models_nor_where_trials_are_kept():
    unknown = {"evaluation", "storage", "claims", "workers", "study", "darts", "torch"}
    assert reach(ROOMS, "kallos_tune", "verdict") & unknown == set()


SMALL_PAGE = """
| package | room | modules | job | may import | libraries |
|---|---|---|---|---|---|
| `upper` | `attic` | `roof`, `__init__` | keeps the rain out | `stairs`, `lower` | |
| `upper` | `stairs` | `steps/` | leads up | | `optuna` |
| `lower` | `cellar` | `wine` | keeps | | |

| word | meaning |
"""
SMALL_PUBLIC = {"upper": {}, "lower": {"bottle": "wine"}}


def faults_of(page=SMALL_PAGE, **sources):
    """Return all faults of a small house; modules are named with __ for a dot."""
    tree = {"upper.steps.one": "", "upper.roof": "", "upper.__init__": "", "lower.wine": ""}
    tree |= {name.replace("__", "."): source for name, source in sources.items()}
    rooms = read_rooms(page)
    return homeless(rooms, tree) + forbidden(rooms, tree, SMALL_PUBLIC) + circles(rooms, tree)


@pytest.mark.parametrize(
    "source",
    [
        "import numpy\nfrom lower import bottle",
        "from .steps import one\nfrom .steps.one import step",
        "from upper.steps.one import step",
    ],
)
def test_what_a_row_allows_is_no_fault(source):
    assert faults_of(upper__roof=source, upper__steps__one="import optuna.trial") == []


ROW = f"the row 'stairs' of upper in {PAGE} allows"


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("upper__steps__one", "from .. import roof", f"upper.roof: {ROW} nothing, not 'attic'"),
        (
            "upper__steps__one",
            "def up():\n    from ..roof import tile",
            f"tile from upper.roof: {ROW} nothing, not 'attic'",
        ),
        ("upper__steps__one", "import upper.roof", f"upper.roof: {ROW} nothing, not 'attic'"),
        (
            "upper__steps__one",
            "if TYPE_CHECKING:\n    from lower import bottle",
            f"bottle from lower: {ROW} nothing, not lower",
        ),
        ("upper__roof", "import optuna", f"optuna: the row 'attic' of upper in {PAGE} allows nothing of the libraries"),
        ("upper__roof", "from upper import steps2", "steps2 from upper: a package does not import from its own table"),
        ("upper__roof", "from lower.wine import bottle", "bottle from lower.wine: import it from lower"),
        ("upper__roof", "from lower.wine import cork", "cork from lower.wine: lower/__init__.pyi does not export it"),
        ("upper__roof", "from lower import cork", "cork from lower: lower/__init__.pyi does not export it"),
        ("upper__roof", "import lower", "lower: import the names that are used"),
        ("lower__wine", "from upper import roof", "upper.roof: the row 'cellar' of lower"),
    ],
)
def test_what_a_row_does_not_allow_is_named(module, source, fault):
    (found,) = faults_of(**{module: source})
    line = 1 + source.count("\n")
    assert found.startswith(f"{module.replace('__', '.')}, line {line}, imports {fault}")


def test_a_module_named_in_a_string_counts_as_imported():
    tree = {
        "kallos_tune.claims.claims": "work = 'kallos_tune.study:run'\nlogger = 'kallos_tune'",
        "kallos_tune.study": "",
    }
    (found,) = (each for each in forbidden(ROOMS, tree, PUBLIC) if "claims" in each)
    assert found.startswith("kallos_tune.claims.claims, line 1, imports run from kallos_tune.study: the row 'claims'")


@pytest.mark.parametrize(
    ("sources", "fault"),
    [
        ({"upper__shed": ""}, f"upper.shed belongs to no room: the table of rooms in {PAGE} must list it exactly once"),
        (
            {"upper__steps__one": "from . import two", "upper__steps__two": "from .one import step"},
            "modules import each other in a circle: upper.steps.one imports upper.steps.two imports upper.steps.one",
        ),
    ],
)
def test_what_concerns_the_house_is_named(sources, fault):
    assert faults_of(**sources) == [fault]


@pytest.mark.parametrize(
    ("was", "becomes", "fault"),
    [
        ("`steps/`", "`steps/`, `roof`", "upper.roof belongs to 'attic' of upper and 'stairs' of upper"),
        ("`wine`", "`wine`, `beer`", "the room 'cellar' of lower lists beer, which does not exist"),
        ("leads up | |", "leads up | `attic` |", "rooms of the table import each other in a circle: upper."),
    ],
)
def test_faults_of_the_table_are_named(was, becomes, fault):
    assert SMALL_PAGE.count(was) == 1
    found = faults_of(SMALL_PAGE.replace(was, becomes))
    assert [each for each in found if each.startswith(fault)], found


def test_a_page_without_the_table_is_refused():
    with pytest.raises(ValueError, match=r"architecture.md has no table whose columns are package, room, modules, job"):
        read_rooms("# Architecture\n")


@pytest.mark.parametrize("package", SOURCES)
def test_each_member_has_the_same_furniture(package):
    folder = SOURCES[package].parents[1]
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "tests"):
        assert (folder / name).exists(), f"{folder.name} lacks {name}"
    assert (SOURCES[package] / "py.typed").exists()
    assert not list(SOURCES[package].rglob("utils.py"))


@pytest.mark.parametrize("library", LIBRARIES)
def test_no_public_name_is_that_of_a_module(library):
    # Before lazy-loader 0.6, the module would hide it as soon as it is imported.
    assert [name for name, module in PUBLIC[library].items() if name == module.partition(".")[0]] == []


def test_public_names_are_there_documented_and_silent():
    # One interpreter for all libraries: it loads torch and Darts.
    code = f"""
import gc, importlib
gc.disable()
for library, names in { ({library: PUBLIC[library] for library in LIBRARIES})!r}.items():
    package = importlib.import_module(library)
    for name, module in names.items():
        value = getattr(package, name)
        assert value is getattr(importlib.import_module(f"{{library}}.{{module}}"), name), name
        if callable(value) and not getattr(value, "__origin__", None):
            assert (value.__doc__ or "").strip(), f"{{name}} has no docstring"
    assert set(names) <= set(dir(package)), library
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def modules_after(statements):
    """Return the top-level modules that a fresh interpreter holds after each of some statements."""
    names = "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    code = "\n".join(["import sys", *(f"{statement}\n{names}" for statement in statements)])
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=300)
    return [set(line.split()) for line in done.stderr.splitlines()]


# One after the other in one interpreter: what is absent after a later one was so after those before.
LIGHT = [
    ("import kallos_data", HEAVY),
    ("import kallos_models; assert 'gru' in kallos_models.available_models()", HEAVY),
    ("import kallos_tune", HEAVY),
    (
        "sys.argv = ['kallos-run', 'tune', '--help']; from kallos_cli.app import main; main()",
        HEAVY | {"numpy"},
    ),
    ("from kallos_data import load_features_from_db, get_walk_forward_splits", {"torch", "darts", "optuna"}),
    (
        "import kallos_tune.verdict.judge, kallos_tune.verdict.wording",
        {"torch", "darts", "optuna", "arch", "statsmodels"},
    ),
    ("from kallos_tune import run_tuning, study_result", {"torch", "darts", "matplotlib", "ray"}),
    ("from kallos_tune import write_report", {"torch", "darts", "matplotlib", "jinja2", "plotly", "ray"}),
]


@pytest.mark.parametrize(
    "statements", [LIGHT, [("from kallos_data import prepare_darts_timeseries", {"torch", "optuna"})]]
)
def test_what_is_not_needed_is_not_loaded(statements):
    after = modules_after([statement for statement, _ in statements])
    assert len(after) == len(statements)
    for (statement, absent), loaded in zip(statements, after, strict=True):
        assert loaded & absent == set(), statement
