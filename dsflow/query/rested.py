"""The registry of assumptions as a listing, and which of them a scenario's answers rest on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from dsflow.model.assumptions import ASSUMPTIONS, Assumption
from dsflow.query.matrix import Matrix
from dsflow.query.table import Block, Row, Table

__all__ = ["Rested", "registry", "rested_on"]

_HEADERS = ("ASSUMPTION", "DEFAULT", "ALTERNATIVES", "CONFIDENCE")


class Rested(NamedTuple):
    """Assumptions, and of a scenario how many of its answers rest on each; ``asked`` is None for the registry.

    ``switched`` are those to which the scenario gives another answer than the default.
    """

    counts: dict[str, int]
    asked: int | None = None
    switched: Mapping[str, str] = MappingProxyType({})

    def blocks(self) -> Iterator[Block]:
        """A row for each, with what it says and where that comes from."""
        headers = _HEADERS if self.asked is None else (*_HEADERS, "TAKEN", "ANSWERS")
        yield Table(headers, tuple(map(self._row, self._entries())))
        if self.asked is not None:
            told = f"{len(self.counts)} of {len(ASSUMPTIONS)} assumptions"
            yield f"{told}; {self.asked} questions were asked: the main job's and the scenario's own."
            idle = [f"{name}: {value}" for name, value in self.switched.items() if name not in self.counts]
            if idle:
                yield f"switched, and no answer rests on it: {', '.join(idle)}."

    def _entries(self) -> Iterator[Assumption]:
        return (entry for name, entry in ASSUMPTIONS.items() if name in self.counts)

    def _row(self, entry: Assumption) -> Row:
        others = "; ".join(
            other if other in entry.modelled else f"{other} (not modelled)" for other in entry.alternatives
        )
        cells = (entry.id, entry.default, others, entry.confidence)
        counted = () if self.asked is None else (self._taken(entry), str(self.counts[entry.id]))
        return Row((*cells, *counted), (entry.statement, f"source: {entry.source}"))

    def _taken(self, entry: Assumption) -> str:
        return self.switched.get(entry.id, entry.default)

    def to_json(self) -> dict[str, Any]:
        """The assumptions as data."""
        told = [
            {
                "id": entry.id,
                "statement": entry.statement,
                "default": entry.default,
                "taken": self._taken(entry),
                "alternatives": list(entry.alternatives),
                "modelled": list(entry.modelled),
                "confidence": entry.confidence,
                "source": entry.source,
                "answers": None if self.asked is None else self.counts[entry.id],
            }
            for entry in self._entries()
        ]
        return {"schema": "dsflow.assumptions/1", "asked": self.asked, "assumptions": told}


def registry() -> Rested:
    """Every assumption.

    >>> len(registry().counts) == len(ASSUMPTIONS)
    True
    """
    return Rested(dict.fromkeys(ASSUMPTIONS, 0))


def rested_on(matrix: Matrix, switched: Mapping[str, str] = MappingProxyType({})) -> Rested:
    """The assumptions that the answers of a matrix rest on, and how many answers each."""
    chains = [cell.chain for cell in matrix.cells if cell.chain is not None]
    counts = Counter(name for chain in chains for name in chain.assumptions)
    return Rested(dict(counts), len(chains), switched)
