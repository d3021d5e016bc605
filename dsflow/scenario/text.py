"""YAML text to data, in one pass over the parser's events: the one door to yaml.

Only what people mean is read: null, true, false, plain whole and decimal numbers; everything else
is text.  So ``1:20`` is not 80, ``1:2:3:4:5:6:7:8`` is an address, ``no`` and ``010`` are texts
(YAML 1.1 says otherwise for each).  No node tree is built, so a hundred thousand pods fit, and
neither deep nesting nor aliases of aliases can exhaust the machine.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

from dsflow.errors import Problem, ScenarioError, UsageError
from dsflow.scenario.document import DEPTH_LIMIT, Document, Items, Section, Value, place_of, show

if TYPE_CHECKING:
    import yaml

__all__ = ["SIZE_LIMIT_BYTES", "parse", "parse_value", "resolve"]

SIZE_LIMIT_BYTES = 64 * 1024 * 1024
"""Larger texts are refused unread; 100,000 pods take about 12 MB."""

VALUE_LIMIT = 5_000_000
"""The most values, those that aliases stand for counted each time; 100,000 pods make about 2 million."""

_PROBLEM_LIMIT = 100

_CONSTANTS: dict[str, Value] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,30})?|\.[0-9]{1,30})(?:[eE][-+]?[0-9]{1,3})?")
_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


_TOO_DEEP = "a value nested too deeply", f"at most {DEPTH_LIMIT} levels"


def resolve(text: str) -> Value:
    """The value of a plain (unquoted) scalar.

    >>> [resolve(text) for text in ("80", "6.5", "true", "~", "1:20", "no", "010", "0x10", "1e400")]
    [80, 6.5, True, None, '1:20', 'no', '010', '0x10', '1e400']
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[-1] not in "0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def parse_value(text: str) -> Value:
    """The value of a text from a command line: a scalar, a quoted text, or a list or mapping in flow style.

    >>> parse_value("false"), parse_value("fd00::1"), parse_value("[tcp/80, udp/53]"), parse_value('"80"')
    (False, 'fd00::1', ['tcp/80', 'udp/53'], '80')
    """
    text = text.strip()
    if not text.startswith(("[", "{", '"', "'")):
        return resolve(text)
    try:
        return _read(text, "value", 0)
    except ScenarioError as error:
        raise UsageError(f"{show(text)}: {error.problems[0].found}") from None


def parse(raw: bytes, file: str, index: int = 0) -> Document:
    """The document that a text in UTF-8 holds.

    Parameters
    ----------
    raw
        The bytes of the file.
    file
        Its name, for messages.
    index
        Its number among the files of one scenario: 0, or 1 for the base of 0, and so on.

    Raises
    ------
    ScenarioError
        With every problem of the text that does not stop its reading.
    """
    if len(raw) > SIZE_LIMIT_BYTES:
        _refuse(file, None, f"more than {SIZE_LIMIT_BYTES >> 20} MiB of text", "a scenario")
    data = _read(_decoded(raw, file), file, index)
    if not isinstance(data, Section):
        found = "an empty file" if data is None else f"{show(data)} as the whole file"
        _refuse(file, 1, found, 'a mapping that begins with "apiVersion: dsflow/v1"')
    return Document(data, ("",) * index + (file,))


def _decoded(raw: bytes, file: str) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        _refuse(file, line, f"the byte 0x{raw[error.start]:02x}", "a text in UTF-8")
    if strange := _UNREADABLE.search(text):
        line = text.count("\n", 0, strange.start()) + 1
        _refuse(file, line, f"the control character U+{ord(strange[0]):04X}", "a text in UTF-8")
    return text


def _read(text: str, file: str, index: int) -> Value:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    reader = _Reader(yaml.parse(text, Loader=loader), file, index)
    value: Value = None
    try:
        value = reader.whole()
    except _StopReadingError:
        pass
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if "nesting depth" in str(error.problem):  # the C scanner reads ahead, up to a limit of its own
            reader.report(mark.line + 1 if mark else None, *_TOO_DEEP)
            raise ScenarioError(reader.problems) from None
        reader.report(mark.line + 1 if mark else None, f"the text breaks off or is no YAML: {error.problem}")
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # PyYAML's own scanner, used where the C one is not built, leaks both for escapes like "\UFFFFFFFF".
        reader.report(None, f"the text is no YAML: {error}")
    if reader.problems:
        raise ScenarioError(reader.problems)
    return value


def _refuse(file: str, line: int | None, found: str, expected: str) -> NoReturn:
    raise ScenarioError([Problem(file=file, line=line, path="", found=found, expected=expected)])


class _StopReadingError(Exception):
    """A problem, already reported, after which reading on makes no sense."""


class _Reader:
    """Values from a stream of events; problems that need not stop it are collected."""

    def __init__(self, events: Iterator[yaml.Event], file: str, index: int) -> None:
        import yaml

        self.problems: list[Problem] = []
        self._next = events.__next__
        self._file = file
        self._index = index
        self._keys: dict[str, str] = {}  # one object per distinct key
        self._anchors: dict[str, tuple[Value, int] | None] = {}  # value and size; None while it is open
        self._values = 0
        self._scalar, self._alias = yaml.ScalarEvent, yaml.AliasEvent
        self._mapping_start, self._sequence_start = yaml.MappingStartEvent, yaml.SequenceStartEvent
        self._ends = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
        self._stream_end, self._document_start = yaml.StreamEndEvent, yaml.DocumentStartEvent

    def report(self, line: int | None, found: str, expected: str = "") -> None:
        self.problems.append(Problem(file=self._file, line=line, path="", found=found, expected=expected))
        if len(self.problems) >= _PROBLEM_LIMIT:
            raise _StopReadingError

    def stop(self, event: yaml.Event, found: str, expected: str) -> NoReturn:
        self.report(_line(event), found, expected)
        raise _StopReadingError

    def whole(self) -> Value:
        """The value of the only document; None when the stream is empty."""
        self._next()  # the stream's start
        if isinstance(self._next(), self._stream_end):
            return None
        value = self._value(self._next(), 0)
        self._next()  # the document's end
        event = self._next()
        if isinstance(event, self._document_start):
            self.report(_line(event), "a second document", "one scenario per file")
        return value

    def _value(self, event: yaml.Event, depth: int) -> Value:
        self._values += 1
        if self._values > VALUE_LIMIT:
            self.stop(event, f"more than {VALUE_LIMIT:,} values, those behind aliases counted each time", "fewer")
        if isinstance(event, self._alias):
            return self._alias_value(event)
        assert isinstance(event, self._scalar | self._mapping_start | self._sequence_start)
        if event.tag is not None:
            self.report(_line(event), f"the tag {show(event.tag)}", "plain YAML without tags")
        if event.anchor is not None:
            return self._anchored(event, depth)
        return self._untagged(event, depth)

    def _untagged(self, event: yaml.Event, depth: int) -> Value:
        if isinstance(event, self._scalar):
            return resolve(event.value) if event.implicit[0] else event.value
        if depth >= DEPTH_LIMIT:
            self.stop(event, *_TOO_DEEP)
        return self._section(depth + 1) if isinstance(event, self._mapping_start) else self._items(depth + 1)

    def _section(self, depth: int) -> Section:
        section = Section()
        places = section.places
        while not isinstance(event := self._next(), self._ends):
            line = _line(event)
            key = self._key(event, depth)
            value = self._value(self._next(), depth)
            if key is None:
                continue
            if key in section:
                self.report(line, f"{show(key)} again, first on line {places[key] // 16}", "every key once")
            section[key] = value
            places[key] = place_of(line, self._index)
        return section

    def _items(self, depth: int) -> Items:
        items = Items()
        while not isinstance(event := self._next(), self._ends):
            items.append(self._value(event, depth))
            items.places.append(place_of(_line(event), self._index))
        return items

    def _key(self, event: yaml.Event, depth: int) -> str | None:
        key = self._value(event, depth)
        if not isinstance(key, str):
            hint = "a text in quotes" if isinstance(key, bool | int | float) else "a text"
            self.report(_line(event), f"the key {show(key)}", hint)
            return None
        if key == "<<":
            self.report(_line(event), 'the merge key "<<"', "the keys themselves, or a scenario with base:")
            return None
        return self._keys.setdefault(key, key)

    def _anchored(self, event: yaml.NodeEvent, depth: int) -> Value:
        assert event.anchor is not None
        self._anchors[event.anchor] = None
        before = self._values
        value = self._untagged(event, depth)
        self._anchors[event.anchor] = value, self._values - before
        return value

    def _alias_value(self, event: yaml.AliasEvent) -> Value:
        assert event.anchor is not None
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            inside = event.anchor in self._anchors
            expected = "an anchor outside of its own value" if inside else "an anchor written before it"
            self.stop(event, f"the alias *{event.anchor}", expected)
        value, size = anchored
        self._values += size
        return value


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    assert mark is not None, "the parser marks every event"
    return mark.line + 1
