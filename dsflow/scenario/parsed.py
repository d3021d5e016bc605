"""The part of a document that fits the schema, and the problems of the part that does not.

Keys that nobody knows and entries that do not fit are set aside, so that everything else is still
checked: an author hears of all problems at once.  What refers to an entry set aside is not held against it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dsflow.errors import Problem, did_you_mean
from dsflow.scenario import misfit
from dsflow.scenario.document import Document, Items, Path, Section, show
from dsflow.scenario.schema import ScenarioText, validate

__all__ = ["Parsed", "parse"]

_HINT_BUDGET = 200_000

_APART = frozenset({"routes", "rules", "filters", "nat", "listen", "ingress", "egress"})
"""Lists whose items stand by themselves: nothing else in an entry refers to one of them."""

_OPTIONAL = frozenset({"mtu", "rp_filter", "forwarding", "icmp_rate_limit"})
"""Keys without which an entry is still right, and nothing else in it wrong."""

_PLACEHOLDERS: dict[str, str] = {"apiVersion": "dsflow/v1", "name": "unnamed"}


@dataclass(slots=True)
class Parsed:
    """A scenario's text models, with the means to report what is wrong with them."""

    document: Document
    text: ScenarioText
    set_aside: frozenset[Path] = frozenset()
    items_aside: frozenset[Path] = frozenset()
    problems: list[Problem] = field(default_factory=list)
    findings: list[Problem] = field(default_factory=list)
    _hint_budget: int = _HINT_BUDGET  # comparing 100,000 names costs a second: a few such hints will do

    def report(self, path: Path, found: str, expected: str = "") -> None:
        """Note a problem at ``path``."""
        self.problems.append(self.document.problem(self._written(path), found, expected))

    def note(self, path: Path, finding: str) -> None:
        """Note what the author should know although the scenario can be used."""
        self.findings.append(self.document.problem(self._written(path), finding))

    def _written(self, path: Path) -> Path:
        """The path in the text, where items of lists within entries may have been set aside."""
        found: Path = ()
        for step in path:
            if isinstance(step, int):
                missing = sorted(int(aside[-1]) for aside in self.items_aside if aside[:-1] == found)
                for place in missing:
                    step += place <= step
            found = (*found, step)
        return found

    def report_unknown(self, path: Path, found: str, what: str, known: Iterable[str]) -> None:
        """Note a name that nothing bears, with the closest that something does."""
        names = list(known)
        self._hint_budget -= len(names)
        hint = did_you_mean(found, names) if self._hint_budget > 0 else ""
        self.report(path, f"{show(found)}: there is no {what} of that name{hint}")

    def is_set_aside(self, collection: str, name: str | None = None) -> bool:
        """Whether an entry, or (without a name) any entry, of a collection did not fit the schema."""
        if (collection,) in self.set_aside:
            return True
        if name is None:
            return any(path[0] == collection for path in self.set_aside)
        return (collection, name) in self.set_aside

    def position(self, collection: str, index: int) -> int:
        """The position in the text of an item of ``flows`` or ``expect``."""
        aside = sorted(int(path[1]) for path in self.set_aside if path[0] == collection and len(path) > 1)
        for position in aside:
            index += position <= index
        return index


def parse(document: Document) -> Parsed:
    """The document's text models, whatever does not fit set aside and reported."""
    result = validate(document.data)
    if isinstance(result, ScenarioText):
        return Parsed(document, result)
    problems = misfit.problems(document, result)
    places = [(error["type"], misfit.written_path(document.data, error["loc"])) for error in result]
    unknown = {path for kind, path in places if kind == "extra_forbidden" and len(path) > 2}
    parts = {part for _, path in places if path not in unknown and (part := _part(path)) is not None}
    unknown = {path for path in unknown if _part(path) not in parts}
    rest = _without_keys(document.data, unknown | parts)
    aside = frozenset(path[:2] for _, path in places if path not in unknown and _part(path) not in parts)
    fitting = validate(_without(rest, aside))
    if not isinstance(fitting, ScenarioText):  # without its parts an entry may not fit either
        aside |= {path[:2] for path in parts}
        fitting = validate(_without(_without_keys(document.data, unknown), aside))
    assert isinstance(fitting, ScenarioText), "what is left after setting misfits aside fits"
    items = frozenset(part for part in parts if isinstance(part[-1], int))
    return Parsed(document, fitting, aside, items, problems)


def _part(path: Path) -> Path | None:
    """The part of an entry that can be set aside alone: an item of a list, or an optional value."""
    for at, step in enumerate(path):
        if at > 1 and isinstance(step, int) and path[at - 1] in _APART:
            return path[: at + 1]
    return path if len(path) > 2 and path[-1] in _OPTIONAL else None


def _without_keys(data: Section, paths: Iterable[Path]) -> Section:
    """The data without the keys and items at these paths within its entries; the rest is shared."""
    rest = Section(data)
    for path in sorted(paths, key=_last_first):
        _remove(rest, path)
    return rest


def _last_first(path: Path) -> tuple[tuple[int, str], ...]:
    """Order items of a list from the back, so that the places of those still to go do not change."""
    return tuple((-step, "") if isinstance(step, int) else (0, step) for step in path)


def _remove(place: Any, path: Path) -> None:
    """Take the key at ``path`` out of ``place``, whose own containers on the way are copied first."""
    step, *further = path
    if not further:
        del place[step]
        return
    copied = type(place[step])(place[step])  # a Section or Items
    place[step] = copied
    _remove(copied, tuple(further))


def _without(data: Section, aside: frozenset[Path]) -> Section:
    """The data without the entries at these paths of one or two steps."""
    rest = Section(data)
    for path in sorted(aside, key=str):
        first = str(path[0])
        value = rest.get(first)
        if len(path) == 1 or not isinstance(value, Section | Items):
            rest.pop(first, None)
    for first in list(rest):
        value = rest[first]
        if isinstance(value, Section):
            rest[first] = Section({key: entry for key, entry in value.items() if (first, key) not in aside})
        elif isinstance(value, Items):
            rest[first] = Items(entry for index, entry in enumerate(value) if (first, index) not in aside)
    for key, placeholder in _PLACEHOLDERS.items():
        rest.setdefault(key, placeholder)
    return rest
