"""What a scenario expects of its own flows, held against what the simulation finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dsflow.dataplane.disposition import Disposition
from dsflow.errors import NotModelledError, UsageError
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

    @property
    def question(self) -> str:
        """What was asked, with its place."""
        asked = self.chain.question
        port = port_text(asked.protocol, asked.dport)
        return f"{self.expectation.source}: {asked.origin} -> {asked.target} {asked.family} {port}"

    @property
    def found(self) -> str:
        """What was found and expected, where they differ."""
        return "; ".join(map(str, self.misses)) or "holds"

    def __str__(self) -> str:
        """What was found and expected, with the place; why, where the packet was lost, and what would mend it."""
        lines = [f"{self.question}: {self.found}"]
        if self.holds:
            return lines[0]
        why, lost = explanation(self.chain), self.chain.failed
        lines += [f"    {why}"] if why else []
        lines += [f"    to mend: {lost.mend}"] if lost is not None and lost.mend else []
        return "\n".join(lines)


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
    except (UsageError, NotModelledError) as error:
        raise UsageError(f"{expectation.source}: {error}") from None
    return Checked(expectation=expectation, chain=chain, misses=tuple(_misses(chain, expectation)))


def _misses(chain: Chain, expectation: Expectation) -> Iterator[Miss]:
    """What does not hold; ``delivered`` is said of the whole round trip, unless that is told apart."""
    told = dict(expectation.expected)
    if told.get("disposition") == Disposition.DELIVERED and chain.round_trip is not None:
        told.setdefault("round_trip", Disposition.DELIVERED)
    for key, expected in told.items():
        wanted, found = _text(expected), _FINDERS[key](chain)
        if wanted != found:
            yield Miss(key, wanted, found)


def _text(value: object) -> str:
    """A value as the scenario's author writes it: the kinds of translation in no particular order."""
    if isinstance(value, tuple):
        return ", ".join(sorted(map(str, value))) or "none"
    return "none" if value is None else str(value)


_FINDERS: dict[str, Callable[[Chain], str]] = {
    "disposition": lambda chain: _text(chain.disposition),
    "round_trip": lambda chain: _text(chain.round_trip),
    "path_type": lambda chain: _text(chain.path_type),
    "nat": lambda chain: _text(chain.nat_kinds),
}
"""What each key of an expectation is compared with; a key without an entry is a bug, not a pass."""
