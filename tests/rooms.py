"""The rooms of the house, as docs/architecture.md lists them, and what breaks their rules in a tree of sources.

A tree is a mapping of module names to source text, as in ``{"kallos_tune.claims.claims": "import optuna"}``. The module
of a package itself ends in ``__init__``.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = "docs/architecture.md"
SOURCES = {
    "kallos_data": ROOT / "packages/kallos-data/src/kallos_data",
    "kallos_models": ROOT / "packages/kallos-models/src/kallos_models",
    "kallos_tune": ROOT / "packages/kallos-tune/src/kallos_tune",
    "kallos_cli": ROOT / "apps/cli/src/kallos_cli",
}
_HEADER = ["package", "room", "modules", "job", "may import", "libraries"]
_MODULE_AS_TEXT = re.compile(r"kallos_\w+(\.\w+)+(:\w+)?")


@dataclass(frozen=True, slots=True)
class Room:
    """A row of the table.

    Attributes
    ----------
    package, name : str
    modules : tuple of str
        ``"errors"`` is a module of the package, ``"storage/"`` everything in that folder.
    may_import : frozenset of str
        Rooms of the same package by name, other packages by theirs.
    libraries : frozenset of str
        Third-party packages. Those that no row lists may be imported anywhere.
    """

    package: str
    name: str
    modules: tuple[str, ...]
    may_import: frozenset[str]
    libraries: frozenset[str]

    def __str__(self) -> str:
        return f"{self.name!r} of {self.package}"

    def holds(self, module: str) -> bool:
        """Return whether a module, by its full name, belongs to this room."""
        return module.partition(".")[0] == self.package and _entry_of(module) in self.modules


@dataclass(frozen=True, slots=True)
class Import:
    """One import: by which module, in which line, of which module, and of which name in it ("" for the module)."""

    by: str
    line: int
    module: str
    name: str

    def __str__(self) -> str:
        what = f"{self.name} from {self.module}" if self.name else self.module
        return f"{self.by}, line {self.line}, imports {what}"

    @property
    def package(self) -> str:
        """The top-level package that is imported from."""
        return self.module.partition(".")[0]


def read_rooms(page: str) -> list[Room]:
    """Return the rows of the table of rooms in a Markdown page."""
    lines = page.splitlines()
    header = next((number for number, line in enumerate(lines) if _cells(line) == _HEADER), None)
    if header is None:
        raise ValueError(f"{PAGE} has no table whose columns are {', '.join(_HEADER)}")
    rooms = []
    for line in lines[header + 2 :]:
        if not line.startswith("|"):
            break
        package, name, modules, _job, may_import, libraries = map(_words, _cells(line))
        rooms.append(Room(package[0], name[0], tuple(modules), frozenset(may_import), frozenset(libraries)))
    return rooms


def read_tree() -> dict[str, str]:
    """Return the sources of all packages."""
    return {
        ".".join((package, *path.relative_to(folder).with_suffix("").parts)): path.read_text(encoding="utf-8")
        for package, folder in SOURCES.items()
        for path in folder.rglob("*.py")
    }


def public_names(package: str) -> dict[str, str]:
    """Return the names that a package's table of contents exposes, with the module each comes from."""
    path = SOURCES[package] / "__init__.pyi"
    if not path.exists():
        return {}
    table = ast.parse(path.read_text(encoding="utf-8"))
    lines = [node for node in table.body if isinstance(node, ast.ImportFrom)]
    assert len(lines) == len(table.body), f"{path} holds something else than imports"
    names = [(alias.asname or alias.name, node.module or "") for node in lines for alias in node.names]
    assert len(dict(names)) == len(names), f"{path} exposes a name twice"
    return dict(names)


def imports_of(tree: Mapping[str, str]) -> Iterator[Import]:
    """Yield every import at any depth of a module, relative ones written out, and every module named in a string."""
    for module, source in tree.items():
        for node in ast.walk(ast.parse(source)):
            match node:
                case ast.Import(names=names):
                    yield from (Import(module, node.lineno, alias.name, "") for alias in names)
                case ast.ImportFrom(names=names):
                    origin = _origin(module, node)
                    for alias in names:
                        is_module = f"{origin}.{alias.name}" in tree or f"{origin}.{alias.name}.__init__" in tree
                        here = (f"{origin}.{alias.name}", "") if is_module else (origin, alias.name)
                        yield Import(module, node.lineno, *here)
                case ast.Constant(value=str() as text) if _MODULE_AS_TEXT.fullmatch(text):
                    yield Import(module, node.lineno, *text.partition(":")[::2])
                case _:
                    pass


def homeless(rooms: Sequence[Room], tree: Mapping[str, str]) -> list[str]:
    """Return a sentence for each module that belongs to no room or to several, and for each room without modules."""
    faults = []
    for module in tree:
        homes = [room for room in rooms if room.holds(module)]
        if len(homes) != 1:
            listed = " and ".join(map(str, homes)) or "no room"
            faults.append(f"{module} belongs to {listed}: the table of rooms in {PAGE} must list it exactly once")
    there = {(module.partition(".")[0], _entry_of(module)) for module in tree}
    return faults + [
        f"the room {room} lists {entry}, which does not exist: correct the table in {PAGE}"
        for room in rooms
        for entry in room.modules
        if (room.package, entry) not in there
    ]


def forbidden(rooms: Sequence[Room], tree: Mapping[str, str], public: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return a sentence for each import that the rows of the table do not allow.

    Parameters
    ----------
    rooms, tree
        See above.
    public : mapping of str to mapping
        Public names of each package that others may import from; see :func:`public_names`.
    """
    watched = frozenset().union(*(room.libraries for room in rooms))
    faults = []
    for each in imports_of(tree):
        home = next((room for room in rooms if room.holds(each.by)), None)
        if home is None:
            continue
        row = f"the row {home} in {PAGE}"
        if each.package == home.package:
            why = _why_not_in_package(each, home, rooms, tree)
        elif each.package in public:
            why = _why_not_between_packages(each, home, public[each.package])
        elif each.package in watched - home.libraries:
            why = f"{row} allows {_listed(home.libraries)} of the libraries that the table watches"
        else:
            why = ""
        if why:
            faults.append(f"{each}: {why}")
    return faults


def circles(rooms: Sequence[Room], tree: Mapping[str, str]) -> list[str]:
    """Return a sentence for the first circle of rooms, and for the first of modules."""
    between_rooms = {
        (room.package, room.name): {
            (room.package, name) for name in room.may_import if any(each.name == name for each in rooms)
        }
        for room in rooms
    }
    between_modules: dict[str, set[str]] = {module: set() for module in tree}
    for each in imports_of(tree):
        target = each.module if each.module in tree else f"{each.module}.__init__"
        if target in tree:
            between_modules[each.by].add(target)
    faults = []
    for graph, what in ((between_rooms, "rooms of the table"), (between_modules, "modules")):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            way = [".".join(node) if isinstance(node, tuple) else node for node in reversed(error.args[1])]
            faults.append(f"{what} import each other in a circle: {' imports '.join(way)}")
    return faults


def reach(rooms: Sequence[Room], package: str, name: str) -> set[str]:
    """Return what a room's row leads to, directly or through other rooms: rooms, packages and libraries by name."""
    (room,) = (each for each in rooms if (each.package, each.name) == (package, name))
    found = set(room.may_import | room.libraries)
    for other in room.may_import & {each.name for each in rooms if each.package == package}:
        found |= reach(rooms, package, other)
    return found


def _why_not_in_package(each: Import, home: Room, rooms: Sequence[Room], tree: Mapping[str, str]) -> str:
    if each.module == home.package:
        return "a package does not import from its own table of contents: import from the module that holds the name"
    target = each.module if each.module in tree else f"{each.module}.__init__"
    other = next((room for room in rooms if room.holds(target)), None)
    if other is None or other == home or other.name in home.may_import:
        return ""
    return f"the row {home} in {PAGE} allows {_listed(home.may_import)}, not {other.name!r}"


def _why_not_between_packages(each: Import, home: Room, names: Mapping[str, str]) -> str:
    if each.package not in home.may_import:
        return f"the row {home} in {PAGE} allows {_listed(home.may_import)}, not {each.package}"
    if not each.name and each.module == each.package:
        return "import the names that are used, so that this test can hold them against the table of contents"
    first = each.name if each.module == each.package else each.module.split(".")[1]
    if first in names:
        return ""
    if each.name in names:
        return f"import it from {each.package}, whose __init__.pyi exports it"
    return f"{each.package}/__init__.pyi does not export it: export it there or keep it home"


def _entry_of(module: str) -> str:
    """Return what a row lists for a module: its name in the package, or its folder."""
    folder, _, below = module.partition(".")[2].partition(".")
    return f"{folder}/" if below else folder


def _origin(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    above = module.split(".")[: -node.level]
    return ".".join([*above, *([node.module] if node.module else [])])


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
