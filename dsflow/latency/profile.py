"""The latency profile: every entry by name, read from YAML with all its problems told at once.

``profile.yaml`` beside this file is the shipped one.  Nothing here draws: that is ``sample``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from os import PathLike
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any

from dsflow.errors import HostError, Problem, ScenarioError, UsageError, did_you_mean
from dsflow.latency.entries import Confidence, Constants, Entry, Kind, PairEntry, Record, RuleEntry
from dsflow.scenario.document import Document, Items, Path, Section, Value, show
from dsflow.scenario.text import parse

__all__ = ["Profile", "load_profile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Every record of one profile by name; look-ups refuse a name it does not hold.

    >>> profile = load_profile()
    >>> profile.caveat
    'estimate, not measured in OCI'
    >>> profile["pod_hopp"]
    Traceback (most recent call last):
    dsflow.errors.UsageError: latency profile has no entry "pod_hopp"; did you mean "pod_hop"?
    """

    file: str
    caveat: str
    sources: Mapping[str, str]
    records: Mapping[str, Record] = field(repr=False)

    def __getitem__(self, name: str) -> Record:
        if name not in self.records:
            hint = did_you_mean(name, self.records)
            raise UsageError(f'latency profile has no entry "{name}"{hint}')
        return self.records[name]

    def entry(self, name: str) -> Entry:
        """The traversal of that name."""
        record = self[name]
        if not isinstance(record, Entry):
            raise UsageError(f'latency entry "{name}" is not one of the profile\'s traversals')
        return record

    def constant(self, name: str, key: str) -> float:
        """One of the numbers of a constant."""
        record = self[name]
        if not isinstance(record, Constants) or key not in record.values:
            raise UsageError(f'latency entry "{name}" holds no constant "{key}"')
        return record.values[key]

    def citations(self, name: str) -> tuple[str, ...]:
        """Where an entry's numbers come from, in words."""
        return tuple(self.sources[tag] for tag in self[name].source)

    def without_spread(self) -> Profile:
        """The same profile with every uncertainty and every variation switched off.

        Every percentile of an estimate is then the exact sum of the medians on the path.
        """
        certain = {name: record.without_spread() for name, record in self.records.items()}
        return replace(self, records=MappingProxyType(certain))


def load_profile(name_or_path: str | PathLike[str] = "default") -> Profile:
    """The profile of a YAML file, or the shipped one: ``"default"``.

    Raises
    ------
    HostError
        When the file cannot be read.
    ScenarioError
        With every problem of the text at once.
    """
    shipped = name_or_path == "default"
    path = FilePath(__file__).with_name("profile.yaml") if shipped else FilePath(name_or_path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HostError(f"{path}: latency profile cannot be read: {error.strerror}") from None
    return _Reader(parse(content, str(path))).profile()


_Parser = Callable[[Value], Any]
"""What a value means; raises ValueError with what was expected."""


def _number(expected: str, holds: Callable[[float], bool]) -> _Parser:
    """A parser of numbers that satisfy ``holds``."""

    def parse(value: Value) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not holds(value):
            raise ValueError(expected)
        return float(value)

    return parse


def _word(meanings: Mapping[str, Any]) -> _Parser:
    """A parser of one of a few words."""

    def parse(value: Value) -> Any:
        if not isinstance(value, str) or value not in meanings:
            raise ValueError(" or ".join(meanings))
        return meanings[value]

    return parse


def _flag(value: Value) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _text(value: Value) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")
    return value


def _tags(sources: Collection[str]) -> _Parser:
    """A parser of a list of tags, each of which ``sources`` explains."""

    def parse(value: Value) -> tuple[str, ...]:
        if not isinstance(value, Items) or not value:
            raise ValueError("a list of tags from sources, one at least")
        if strange := [show(tag) for tag in value if not isinstance(tag, str) or tag not in sources]:
            raise ValueError(f"tags that sources explains, not {', '.join(strange)}")
        return tuple(str(tag) for tag in value)

    return parse


_POSITIVE = _number("a number above 0", lambda number: number > 0)
_NOT_NEGATIVE = _number("a number of at least 0", lambda number: number >= 0)
_FACTOR = _number("a factor of at least 1", lambda number: number >= 1)
_SHARE = _number("a number from 0 to 1", lambda number: 0 <= number <= 1)

_COMMON: Mapping[str, _Parser] = {
    "confidence": _word({grade.value: grade for grade in Confidence}),
    "what": _text,
    "x90": _FACTOR,
}
_SECTIONS: Mapping[str, tuple[type[Record], Mapping[str, _Parser]]] = {
    "traversals": (
        Entry,
        {
            "kind": _word({kind.value: kind for kind in Kind}),
            "loc_us": _NOT_NEGATIVE,
            "p50_us": _POSITIVE,
            "p99_us": _POSITIVE,
            "cpu": _flag,
        },
    ),
    "pairs": (
        PairEntry,
        dict.fromkeys(("base_us", "inflation", "pair_ln_sigma", "jitter_ln_sigma"), _NOT_NEGATIVE),
    ),
    "rules": (RuleEntry, dict.fromkeys(("upto_1000_ns", "at_10000_ns", "v6_at_10000_ns"), _NOT_NEGATIVE)),
    "constants": (Constants, {"prob": _SHARE, "correlation": _SHARE}),
}
_EVERY_ESTIMATE_USES = {
    "v6_cpu_factor": ("value",),
    "fibre_us_per_km": ("value",),
    "load_state": ("correlation",),
    "interference": ("prob", "add_us"),
    "pause": ("prob", "min_us", "max_us"),
}
_TOP_LEVEL = ("version", "caveat", "sources", *_SECTIONS)


class _Reader:
    """Makes records of a document and collects every problem on the way; ``profile`` is its only use."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._problems: list[Problem] = []

    def profile(self) -> Profile:
        """The profile that the document describes."""
        top = self._fields(self._document.data, (), known=_TOP_LEVEL, required=_TOP_LEVEL)
        self._parsed(top.get("version", 1), ("version",), _number("1", lambda number: number == 1))
        tags = self._fields(top.get("sources", Section()), ("sources",))
        sources = {tag: self._parsed(value, ("sources", tag), _text) for tag, value in tags.items()}
        profile = Profile(
            file=self._document.file,
            caveat=self._parsed(top.get("caveat", ""), ("caveat",), _text),
            sources=MappingProxyType(sources),
            records=MappingProxyType(self._records(top, sources)),
        )
        if self._problems:
            raise ScenarioError(sorted(self._problems, key=lambda problem: problem.line or 0))
        return profile

    def _records(self, top: Mapping[str, Value], sources: Collection[str]) -> dict[str, Record]:
        records: dict[str, Record] = {}
        for section in (each for each in _SECTIONS if each in top):
            required = _EVERY_ESTIMATE_USES if section == "constants" else ()
            for name, value in self._fields(top[section], (section,), required=required).items():
                if name in records:
                    found = "the name of another section's entry"
                    self._refuse((section, name), found, "a name of its own")
                elif record := self._record(section, name, value, sources):
                    records[name] = record
        return records

    def _record(self, section: str, name: str, value: Value, sources: Collection[str]) -> Record | None:
        """One entry, or None when it has a problem."""
        path, problems_before = (section, name), len(self._problems)
        record_type, own_parsers = _SECTIONS[section]
        parsers = {"source": _tags(sources), **_COMMON, **own_parsers}
        needed = {each.name for each in fields(record_type) if each.default is MISSING} - {"name", "values"}
        given = self._fields(
            value,
            path,
            known=None if record_type is Constants else tuple(parsers),
            required=(*needed, *_EVERY_ESTIMATE_USES.get(name, ())),
        )
        values = {key: self._parsed(each, (*path, key), parsers.get(key, _NOT_NEGATIVE)) for key, each in given.items()}
        if len(self._problems) > problems_before:
            return None
        if record_type is Constants:
            numbers = {key: values.pop(key) for key in given if key not in ("source", *_COMMON)}
            values["values"] = MappingProxyType(numbers)
        record = record_type(name=name, **values)
        if contradiction := record.contradiction():
            self._refuse(path, *contradiction)
        return record

    def _fields(
        self,
        value: Value,
        path: Path,
        *,
        known: Collection[str] | None = None,
        required: Iterable[str] = (),
    ) -> Mapping[str, Value]:
        """The fields of a mapping; it is a problem if it is none, and so is each unknown or missing field."""
        if not isinstance(value, Section):
            self._refuse(path, show(value), "a mapping")
            return {}
        known = value if known is None else known
        for name in (each for each in value if each not in known):
            hint = did_you_mean(name, known)
            self._refuse((*path, name), "unknown field" + hint, f"one of {', '.join(known)}")
        for name in sorted(set(required) - value.keys()):
            self._refuse((*path, name), "missing", "to be given")
        return value

    def _parsed(self, value: Value, path: Path, parse: _Parser) -> Any:
        """What ``parse`` makes of a value; None, and a problem, where it refuses."""
        try:
            return parse(value)
        except ValueError as error:
            self._refuse(path, show(value), str(error))
            return None

    def _refuse(self, path: Path, found: str, expected: str) -> None:
        self._problems.append(self._document.problem(path, found, expected))
