"""Whether what a scenario expects holds whatever is assumed: each expectation under every alternative it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from dsflow.model.assumptions import ASSUMPTIONS
from dsflow.query.expect import Checked, check
from dsflow.query.matrix import explanation
from dsflow.simulation import Simulation

__all__ = ["Alternative", "Sensitivity", "sensitivities", "untried"]


class Alternative(NamedTuple):
    """An assumption, and another answer to it than the scenario's own."""

    assumption: str
    value: str

    def __str__(self) -> str:
        return f"{self.assumption}: {self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """An expectation: whether it holds as things are assumed, and what other answers would change.

    ``taken`` are the answers that the scenario takes, ``tried`` the alternatives that were played through, one at a
    time, ``turns`` those of them that turn the expectation round, each with what then is, and ``untried`` the
    alternatives that are not modelled.
    """

    checked: Checked
    taken: Mapping[str, str]
    tried: tuple[Alternative, ...]
    turns: tuple[tuple[Alternative, Checked], ...]
    untried: tuple[Alternative, ...]

    @property
    def depends(self) -> bool:
        """Whether the answer depends on an assumption."""
        return bool(self.turns)

    def __str__(self) -> str:
        """What holds, on which conditions, and what else would be."""
        lines = [f"{self.checked.question}: {self._verdict()}"]
        for alternative, other in self.turns:
            lines.append(f"    with {alternative}: {other.found}")
            why = None if other.holds else explanation(other.chain)
            lines += [f"        {why}"] if why else []
        return "\n".join(lines)

    def _verdict(self) -> str:
        if self.turns and self.checked.holds:
            names = dict.fromkeys(alternative.assumption for alternative, _ in self.turns)
            return "true if " + " and ".join(f"{name} is {self.taken[name]}" for name in names)
        if self.turns:
            return "true only if " + " or ".join(f"{name} is {value}" for (name, value), _ in self.turns)
        found = "true" if self.checked.holds else f"false, {self.checked.found}"
        if not self.tried:
            return f"{found}; no assumption that it rests on has another answer to try"
        return f"{found}, whichever one is switched ({', '.join(map(str, self.tried))} tried)"


def sensitivities(simulation: Simulation) -> Iterator[Sensitivity]:
    """Every expectation of the scenario, in the order written, one assumption switched at a time.

    Raises
    ------
    UsageError
        For an expectation that cannot be asked, with its place.

    >>> import dsflow
    >>> [found.depends for found in sensitivities(dsflow.load("two-pods"))]
    [True, True, True]
    """
    others: dict[Alternative, tuple[Checked, ...]] = {}
    for number, checked in enumerate(check(simulation)):
        known = list(_alternatives(checked, simulation))
        tried = [one for one in known if one.value in ASSUMPTIONS[one.assumption].choices]
        for one in tried:
            if one not in others:
                others[one] = check(simulation.what_if({f'assumptions."{one.assumption}"': one.value}))
        yield Sensitivity(
            checked=checked,
            taken={name: simulation.topology.assumes(name) for name in checked.chain.assumptions},
            tried=tuple(tried),
            turns=tuple((one, others[one][number]) for one in tried if others[one][number].holds is not checked.holds),
            untried=tuple(one for one in known if one not in tried),
        )


def _alternatives(checked: Checked, simulation: Simulation) -> Iterator[Alternative]:
    """The other answers to the assumptions that an answer rests on."""
    for name in checked.chain.assumptions:
        entry, taken = ASSUMPTIONS[name], simulation.topology.assumes(name)
        yield from (Alternative(name, value) for value in (entry.default, *entry.alternatives) if value != taken)


def untried(found: Iterable[Sensitivity]) -> tuple[Alternative, ...]:
    """The alternatives that answers rest on and that are not modelled, each once."""
    return tuple(dict.fromkeys(one for sensitivity in found for one in sensitivity.untried))
