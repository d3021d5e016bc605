"""A scenario's data, with the file and line of every key and list item.

Values are plain Python: None, bool, int, float, str, and two containers that remember where their
entries were written.  A *place* is one integer, ``line * 16 + index`` where ``index`` counts the
files a scenario is made of (itself, its base, its base's base), so that a hundred thousand pods cost
an integer per key rather than an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeAlias

from dsflow.errors import Problem, ScenarioError

__all__ = [
    "DEPTH_LIMIT",
    "FILE_LIMIT",
    "Document",
    "Items",
    "Path",
    "Section",
    "Value",
    "dotted",
    "from_mapping",
    "place_of",
    "show",
]

FILE_LIMIT = 16
"""The most files one scenario may be made of, the changes of a what-if counted as one."""

DEPTH_LIMIT = 50
"""The deepest nesting; the deepest path that means anything has 6 steps."""

Path: TypeAlias = tuple[str | int, ...]

_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9_/:-]+")
_SHOWN_CHARACTERS = 60


class Section(dict[str, "Value"]):
    """A mapping that knows where each key was written."""

    __slots__ = ("places",)

    def __init__(self, entries: Mapping[str, Value] | None = None) -> None:
        super().__init__(entries or {})
        self.places: dict[str, int] = dict(entries.places) if isinstance(entries, Section) else {}


class Items(list["Value"]):
    """A list that knows where each item was written."""

    __slots__ = ("places",)

    def __init__(self, items: Iterable[Value] = ()) -> None:
        super().__init__(items)
        self.places: list[int] = []


Value: TypeAlias = bool | int | float | str | Section | Items | None


def place_of(line: int, index: int) -> int:
    """The place of a line (counted from 1; 0 for none) in the file of that index."""
    return line * FILE_LIMIT + index


@dataclass(frozen=True, slots=True)
class Document:
    """A whole scenario as data; ``files`` are its own file and then its bases'.

    A place in the file of number *i* has index *i*.  Data that was never in a file (a Python mapping,
    changes) has the line 0, which is told as no line.
    """

    data: Section
    files: tuple[str, ...]

    @property
    def file(self) -> str:
        """The file as the caller named it."""
        return self.files[self._own_index]

    @property
    def _own_index(self) -> int:
        """A base that is not merged yet leaves the numbers of those above it unused."""
        return next(index for index, file in enumerate(self.files) if file)

    def source(self, path: Path) -> str:
        """``FILE:LINE`` of the entry at ``path``, or the dotted path where there is no line."""
        file, line = self.locate(path)
        return dotted(path) if line is None else f"{PurePath(file).name}:{line}"

    def problem(self, path: Path, found: str, expected: str = "") -> Problem:
        """A Problem at ``path``, or at the closest entry around it that was written."""
        file, line = self.locate(path)
        return Problem(file=file, line=line, path=dotted(path), found=found, expected=expected)

    def locate(self, path: Path) -> tuple[str, int | None]:
        """The file and line of the entry at ``path``, or of the closest entry around it."""
        place = place_of(1, self._own_index)
        value: Value = self.data
        for step in path:
            if isinstance(value, Section) and step in value:
                place, value = value.places[str(step)], value[str(step)]
            elif isinstance(value, Items) and isinstance(step, int) and step < len(value):
                place, value = value.places[step], value[step]
            else:
                break
        line, index = divmod(place, FILE_LIMIT)
        return self.files[index], line or None


def dotted(path: Iterable[str | int]) -> str:
    """The path as messages and ``--set`` write it; a step with a dot in it is quoted.

    >>> dotted(("route_tables", "nodes", "rules", "0.0.0.0/0")), dotted(("vcns", "oke", "ipv6", 0))
    ('route_tables.nodes.rules."0.0.0.0/0"', 'vcns.oke.ipv6[0]')
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + (step if _PLAIN_SEGMENT.fullmatch(step) else show(step))
    return text


def show(value: object) -> str:
    """A found value as a message shows it: short, and nothing that a terminal would obey.

    >>> show("1:20"), show(True), show(None), show({"a": 1}), show(chr(7))
    ('"1:20"', 'true', 'nothing', 'a mapping', '"U+0007"')
    """
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            shown = "".join(c if c.isprintable() else f"U+{ord(c):04X}" for c in value[:_SHOWN_CHARACTERS])
            return f'"{shown}…"' if len(value) > _SHOWN_CHARACTERS else f'"{shown}"'
        case int() if value.bit_length() > 64:
            return "a number beyond all bounds"
        case int() | float():
            return str(value)
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            return f"a Python {type(value).__name__}"


def from_mapping(data: Mapping[str, object], place: int) -> Section:
    """The data of a Python mapping, every entry at one place.

    Raises
    ------
    ScenarioError
        For a key or value that a scenario's text could not hold.
    """
    return _section(data, (), place)


def _section(data: Mapping[str, object], path: Path, place: int) -> Section:
    section = Section()
    for key, value in data.items():
        if not isinstance(key, str):
            raise _misfit((*path, str(key)), f"the key {show(key)}", "a text as key")
        section[key] = _value(value, (*path, key), place)
        section.places[key] = place
    return section


def _value(value: object, path: Path, place: int) -> Value:
    if len(path) > DEPTH_LIMIT:
        raise _misfit(path[:3], "data inside itself, or nested too deeply", f"at most {DEPTH_LIMIT} levels")
    if isinstance(value, Mapping):
        return _section(value, path, place)
    if isinstance(value, list | tuple):
        items = Items(_value(item, (*path, index), place) for index, item in enumerate(value))
        items.places = [place] * len(items)
        return items
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise _misfit(path, show(value), "a text, number, true, false, list or mapping")


def _misfit(path: Path, found: str, expected: str) -> ScenarioError:
    return ScenarioError([Problem(file="scenario", line=None, path=dotted(path), found=found, expected=expected)])
