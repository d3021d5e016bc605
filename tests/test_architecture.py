"""The house: floors, doors for third-party libraries, and files that stay short."""

from __future__ import annotations

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import dsflow

HOUSE = Path(dsflow.__file__).parent
FILES = {path.relative_to(HOUSE).as_posix(): path for path in sorted(HOUSE.rglob("*.py"))}

FLOORS = (
    "errors", "version", "net", "model", "scenario", "dataplane", "trace", "ends", "graph", "engine", "latency",
    "session", "simulation", "query", "lab", "report", "cli", "__init__", "__main__",
)  # fmt: skip
"""From the ground up: a file imports its own room and lower floors only."""

DOORS = {
    "scapy": ("net/packets.py", "report/pcapng.py"),
    "yaml": ("scenario/text.py",),
    "pydantic": (
        "scenario/schema.py",
        "scenario/schema_cloud.py",
        "scenario/schema_cluster.py",
        "scenario/schema_devices.py",
        "scenario/schema_questions.py",
        "scenario/schema_security.py",
        "scenario/schema_types.py",
    ),
    "numpy": ("latency/", "batch/"),
    "networkx": ("graph.py",),
    "matplotlib": ("report/plot.py",),
    "rich": ("report/terminal.py",),
    "jinja2": ("report/html.py",),
    "pandas": ("trace/frame.py",),
    "shtab": ("cli/",),
}
"""Where a library may be imported; a name that ends in / is a room."""

MOST_LINES = 400


def _name(file: str) -> str:
    """The module's dotted name, such as ``dsflow.net.address``."""
    parts = ["dsflow", *Path(file).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(file): file for file in FILES}


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(tree: ast.AST) -> set[str]:
    """Every module that a tree imports, at the top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & MODULES.keys()  # a package's module is no use of what the package gathers
            found |= {node.module} if names - MODULES.keys() else set()
    return found


def _imports_on_loading(tree: ast.Module) -> set[str]:
    """What importing the module imports at once: nothing inside functions or for type checkers."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= _imports(ast.Module([node], []))
    return found


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def _own(imports: set[str]) -> set[str]:
    """The modules of dsflow among the imports, without the names inside them."""
    return {name for name in imports if name in MODULES}


def test_every_room_has_a_floor() -> None:
    """A new room says where it stands."""
    assert {_room(module) for module in MODULES} <= set(FLOORS)


@pytest.mark.parametrize("file", FILES)
def test_imports_go_to_the_own_room_and_lower_floors(file: str) -> None:
    """Nothing imports upward, not even inside a function; type checkers may look up."""
    module = _name(file)
    floor = FLOORS.index(_room(module))
    for name in _own(_imports(_without_type_checking(_tree(FILES[file])))) - {"dsflow"}:
        assert FLOORS.index(_room(name)) <= floor, f"{module} imports {name}"
    if _room(module) not in ("cli", "__init__", "__main__"):
        assert "dsflow" not in _imports_on_loading(_tree(FILES[file])), "the top gathers names for users alone"


def _without_type_checking(tree: ast.Module) -> ast.Module:
    body = [node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))]
    return ast.Module(body, [])


def test_no_module_imports_itself_in_a_ring() -> None:
    """The modules that loading needs have an order."""
    needs = {module: _own(_imports_on_loading(_tree(FILES[file]))) for module, file in MODULES.items()}
    for module, own in needs.items():
        own.discard(module)
    order = list(TopologicalSorter(needs).static_order())
    assert set(order) == set(MODULES)


@pytest.mark.parametrize("file", FILES)
def test_libraries_enter_by_their_doors(file: str) -> None:
    """Each third-party library is imported where its door is, and nowhere else; ipaddress and scapy.all nowhere."""
    imports = {name for name in _imports(_tree(FILES[file])) if not _is_under_type_checking(file, name)}
    libraries = {name.partition(".")[0] for name in imports} - {"dsflow", *sys.stdlib_module_names}
    for library in libraries:
        assert library in DOORS, f"{library} has no door"
        assert any(file == door or (door.endswith("/") and file.startswith(door)) for door in DOORS[library]), library
    assert "ipaddress" not in imports
    assert "scapy.all" not in imports


def _is_under_type_checking(file: str, name: str) -> bool:
    tree = _tree(FILES[file])
    return name not in _imports(_without_type_checking(tree))


@pytest.mark.parametrize("file", FILES)
def test_files_stay_short(file: str) -> None:
    """A file can be read in one sitting."""
    assert len(FILES[file].read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("file", [file for file in FILES if FILES[file].stat().st_size])
def test_files_say_what_they_are_for(file: str) -> None:
    """Every file opens with a docstring and postpones annotations where it has code."""
    tree = _tree(FILES[file])
    assert ast.get_docstring(tree)
    code = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert not code or "__future__" in _imports(tree)
