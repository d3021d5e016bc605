"""Scenarios that say only what differs: ``base:``, and changes by dotted path.

Mappings merge key by key, everything else is replaced, and null takes a key away.  Every value keeps
the file and line it came from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from dsflow.errors import Problem, ScenarioError, UsageError, did_you_mean
from dsflow.scenario.document import (
    FILE_LIMIT,
    Document,
    Items,
    Path,
    Section,
    Value,
    dotted,
    from_mapping,
    place_of,
    show,
)

__all__ = ["CHANGES", "merge", "parse_path", "resolve_bases", "with_changes"]

CHANGES = "changes"
"""The file name that messages give for a value set by :func:`with_changes`."""

_STEP = re.compile(r'"([^"]*)"|([^."\[\]]+)|\[(\d+)\]')


def merge(base: Document, over: Document) -> Document:
    """The base with what the other document changes.

    Raises
    ------
    ScenarioError
        Where a null would take away what is not there.
    """
    problems: list[Problem] = []
    data = _merged(base.data, over.data, (), over, problems)
    if problems:
        raise ScenarioError(problems)
    return Document(data, over.files + base.files[len(over.files) :])


def _merged(base: Section, over: Section, path: Path, document: Document, problems: list[Problem]) -> Section:
    merged = Section(base)
    for key, value in over.items():
        here = (*path, key)
        if value is None and key not in base:
            hint = did_you_mean(key, base)
            problems.append(document.problem(here, f"null, but the base has nothing of that name to take away{hint}"))
        elif value is None:
            del merged[key]
            del merged.places[key]
        else:
            below = base.get(key)
            if isinstance(value, Section):
                below = below if isinstance(below, Section) else Section()
                value = _merged(below, value, here, document, problems)
            merged[key] = value
            merged.places[key] = over.places[key]
    return merged


def resolve_bases(document: Document, load: Callable[[str, Document], Document]) -> Document:
    """The document with its ``base:``, and the base's base, merged below it.

    Parameters
    ----------
    document
        What was read.
    load
        Reads the base that a document names; a ScenarioError tells why it cannot.
    """
    chain = [document]
    while "base" in chain[-1].data:
        chain.append(load(_base_name(chain[-1], len(chain)), chain[-1]))
        names = [link.files[-1] for link in chain]
        if names[-1] in names[:-1]:
            raise _bad_base(chain[-2], f"a circle of bases: {' -> '.join(names)}", "")
    result = chain.pop()
    for over in reversed(chain):
        own = Section(over.data)
        del own["base"]
        result = merge(_nameless(result), Document(own, over.files))
    return result


def _nameless(base: Document) -> Document:
    """The base without its name: a variant has one of its own."""
    data = Section(base.data)
    data.pop("name", None)
    return Document(data, base.files)


def _base_name(document: Document, depth: int) -> str:
    name = document.data["base"]
    if not isinstance(name, str):
        raise _bad_base(document, show(name), "the name or the path of another scenario")
    if depth >= FILE_LIMIT - 1:  # the last index is for changes
        raise _bad_base(document, "a base of a base, and so on", f"at most {FILE_LIMIT - 1} files")
    return name


def _bad_base(document: Document, found: str, expected: str) -> ScenarioError:
    return ScenarioError([document.problem(("base",), found, expected)])


def parse_path(text: str) -> tuple[str, ...]:
    """The steps of a dotted path; a step with a dot in it stands in double quotes.

    >>> parse_path('route_tables.nodes.rules."0.0.0.0/0"'), parse_path("vcns.oke.ipv6[0].origin")
    (('route_tables', 'nodes', 'rules', '0.0.0.0/0'), ('vcns', 'oke', 'ipv6', '0', 'origin'))

    Raises
    ------
    UsageError
        When the text is no such path.
    """
    steps: list[str] = []
    position = 0
    while match := _STEP.match(text, position):
        steps.append(next(group for group in match.groups() if group is not None))
        position = match.end()
        if position == len(text):
            return tuple(steps)
        position += text[position] == "."
    raise UsageError(f'{show(text)}: expected a dotted path such as gateways.nat.enabled or pods."a/b.c".node')


def with_changes(document: Document, changes: Mapping[str, object]) -> Document:
    """A new document with values set by dotted path; None takes a key away.

    Raises
    ------
    UsageError
        With every path that leads nowhere.
    """
    files = document.files if CHANGES in document.files else (*document.files, CHANGES)
    place = place_of(0, files.index(CHANGES))
    data, faults = document.data, []
    for text, value in changes.items():
        try:
            plain = from_mapping({"value": value}, place)["value"]
            steps = parse_path(text)
            if steps[0] == "base":
                raise UsageError("base: a change cannot give a scenario another base")
            changed = _Change(data, plain, place).applied(data, (), steps)
            assert isinstance(changed, Section)
            data = changed
        except UsageError as error:
            faults.append(str(error))
        except ScenarioError as error:
            faults.append(f"{text}: {error.problems[0].found}: expected {error.problems[0].expected}")
    if faults:
        raise UsageError("\n".join(faults))
    return Document(data, files)


class _Change:
    """One value on its way to its place; containers are copied along the path only."""

    def __init__(self, whole: Section, value: Value, place: int) -> None:
        self._whole = whole
        self._value = value
        self._place = place

    def applied(self, here: Value, done: Path, steps: Path) -> Section | Items:
        """A copy of ``here`` (found at ``done``) with the value set ``steps`` below it."""
        if isinstance(here, Items):
            return self._in_items(here, done, steps)
        if isinstance(here, Section):
            return self._in_section(here, done, steps)
        raise UsageError(f"{dotted(done)}: {show(here)}: nothing lies below it")

    def _in_section(self, here: Section, done: Path, steps: Path) -> Section:
        key, rest = str(steps[0]), steps[1:]
        path = (*done, key)
        if key not in here and not self._may_begin(path, leaf=not rest):
            raise self._unknown(here, done, key)
        copy = Section(here)
        if not rest and self._value is None:
            del copy[key], copy.places[key]
            return copy
        copy[key] = self.applied(here.get(key, Section()), path, rest) if rest else self._value
        if not rest or key not in here:
            copy.places[key] = self._place
        return copy

    def _in_items(self, here: Items, done: Path, steps: Path) -> Items:
        step, rest = str(steps[0]), steps[1:]
        if not step.isdecimal() or int(step) >= len(here):
            raise UsageError(f"{dotted((*done, step))}: expected a number from 0 to {len(here) - 1}")
        index = int(step)
        copy = Items(here)
        copy.places = list(here.places)
        copy[index] = self.applied(here[index], (*done, index), rest) if rest else self._value
        if not rest:
            copy.places[index] = self._place
        return copy

    def _may_begin(self, path: Path, *, leaf: bool) -> bool:
        """Whether a key that is not there may be set: any the schema allows, or a mapping it knows by name."""
        from dsflow.scenario import misfit

        if not leaf:
            return path[-1] in misfit.known_keys(self._whole, path[:-1])
        return self._value is not None and misfit.allows(self._whole, path)

    def _unknown(self, here: Section, done: Path, key: str) -> UsageError:
        from dsflow.scenario import misfit

        known = sorted({*here, *misfit.known_keys(self._whole, done)})
        hint = did_you_mean(key, known) or f"; there is {', '.join(known[:12])}" + ", …" * (len(known) > 12)
        return UsageError(f"{dotted((*done, key))}: nothing of that name{hint}")
