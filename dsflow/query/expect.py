"""What a scenario expects of its own flows, held against what the simulation finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dsflow.errors import UsageError
from dsflow.model.question import Expectation
from dsflow.query.matrix import explanation, port_text
from dsflow.simulation import Simulation
from dsflow.trace.chain import Chain

__all__ = ["Checked", "Miss", "check"]


@dataclass(frozen=True, slots=True)
class Miss:
    """One thing that was expected and is not so."""

    key: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.key}: {self.found}: expected {self.expected}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An expectation, the answer to its question, and every key that does not hold."""

    expectation: Expectation
    chain: Chain
    misses: tuple[Miss, ...]

    @property
    def holds(self) -> bool:
        """Whether everything expected is so."""
        return not self.misses

    def __str__(self) -> str:
        """A line for every miss, with the place where it is expected; why, where the packet was lost."""
        asked = self.chain.question
        port = port_text(asked.protocol, asked.dport)
        question = f"{self.expectation.source}: {asked.origin} -> {asked.target} {asked.family} {port}"
        why = explanation(self.chain)
        reason = f" ({why})" if why else ""
        return "\n".join(f"{question}: {miss}{reason}" for miss in self.misses) or f"{question}: holds"


def check(simulation: Simulation) -> tuple[Checked, ...]:
    """Every expectation of the scenario, asked; in the order written.

    Raises
    ------
    UsageError
        For an expectation that cannot be asked, with its place.

    >>> import dsflow
    >>> all(checked.holds for checked in check(dsflow.load("two-pods")))
    True
    """
    return tuple(_checked(simulation, expectation) for expectation in simulation.topology.expect)


def _checked(simulation: Simulation, expectation: Expectation) -> Checked:
    try:
        chain = simulation.ask(expectation.flow)
    except UsageError as error:
        raise UsageError(f"{expectation.source}: {error}") from None
    return Checked(expectation=expectation, chain=chain, misses=tuple(_misses(chain, expectation)))


def _misses(chain: Chain, expectation: Expectation) -> Iterator[Miss]:
    for key, expected in expectation.expected:
        wanted, found = _text(expected), _FINDERS[key](chain)
        if wanted != found:
            yield Miss(key, wanted, found)


def _text(value: object) -> str:
    """A value as the scenario's author writes it: the kinds of translation in no particular order."""
    if isinstance(value, tuple):
        return ", ".join(sorted(map(str, value))) or "none"
    return "null" if value is None else str(value)


_FINDERS: dict[str, Callable[[Chain], str]] = {
    "disposition": lambda chain: _text(chain.disposition),
    "round_trip": lambda chain: _text(chain.round_trip),
    "path_type": lambda chain: _text(chain.path_type),
    "nat": lambda chain: _text(chain.nat_kinds),
}
"""What each key of an expectation is compared with; a key without an entry is a bug, not a pass."""
