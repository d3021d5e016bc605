"""Every error that dsflow raises on purpose, split by who must act.

::

    DsflowError
    ├── ScenarioError      the scenario's author: the text is wrong, at these places
    ├── UsageError         the caller: an unknown name, a port of 70000, an address of the other family
    ├── HostError          this machine: a file that cannot be read or written, a missing extra
    └── NotModelledError   nobody yet: the question is fair, dsflow has no answer

A dropped packet is none of these: it is a trace with a disposition.  Any other exception is a bug.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

__all__ = [
    "DsflowError",
    "HostError",
    "NotModelledError",
    "Problem",
    "ScenarioError",
    "UsageError",
    "did_you_mean",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a scenario: where, what was found, what was expected.

    >>> print(Problem(file="a.yaml", line=3, path="subnets.pods.ipv4", found='"10.0.1.0/33"',
    ...               expected="a prefix length of 0-32 for IPv4"))
    a.yaml:3: subnets.pods.ipv4: "10.0.1.0/33": expected a prefix length of 0-32 for IPv4
    """

    file: str
    line: int | None
    path: str
    found: str
    expected: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        told = f"{self.found}: expected {self.expected}" if self.expected else self.found
        return f"{place}: {self.path}: {told}" if self.path else f"{place}: {told}"


class DsflowError(Exception):
    """The root of the tree: catch it to catch everything dsflow raises on purpose."""


class ScenarioError(DsflowError):
    """A scenario that cannot be used; ``problems`` holds every reason at once.

    ``findings`` are what its author should know besides, as far as that can be told.
    """

    def __init__(self, problems: Sequence[Problem], findings: Sequence[Problem] = ()) -> None:
        self.problems = tuple(problems)
        self.findings = tuple(findings)
        super().__init__("\n".join([*map(str, self.problems), *(f"warning: {found}" for found in self.findings)]))


class UsageError(DsflowError):
    """A call or command line that asks for something that cannot be."""


class HostError(DsflowError):
    """Something this machine refused: a file, a permission, a package that is not installed."""


class NotModelledError(DsflowError):
    """A fair request that dsflow has no model for; the message says what is missing."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint naming the closest known words, or the empty string.

    >>> did_you_mean("subnet/pod", ["subnet/pods", "subnet/nodes", "vcn/oke"])
    '; did you mean "subnet/pods" or "subnet/nodes"?'
    >>> did_you_mean("zebra", ["subnet/pods"])
    ''
    """
    close = get_close_matches(word, list(known), n=2, cutoff=0.6)
    return f"; did you mean {_alternatives(close)}?" if close else ""


def _alternatives(words: Sequence[str]) -> str:
    return " or ".join(f'"{word}"' for word in words)
