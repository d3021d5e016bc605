"""All that can become of a question where back ends and end points are chosen, with probabilities, as text and data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dsflow.query.matrix import explanation, nat_text
from dsflow.query.table import Block, Row, Table
from dsflow.simulation import Branch
from dsflow.trace.chain import Chain

__all__ = ["branches_blocks", "branches_json"]

_HEADERS = ("PROBABILITY", "DISPOSITION", "ROUND TRIP", "NAT", "PATH")


def branches_blocks(branches: Iterable[Branch]) -> Iterator[Block]:
    """A row for every branch, the likeliest first, with what goes wrong under it."""
    ordered = sorted(branches, key=lambda branch: -branch.probability)
    yield Table(_HEADERS, tuple(map(_row, ordered)))
    if len(ordered) == 1:
        yield "1 branch: there was nothing to choose."
    elif len({branch.probability for branch in ordered}) == 1:
        yield f"{len(ordered)} branches, each as likely as another."
    else:
        yield f"{len(ordered)} branches: at each place one choice is as likely as another, and some have more places."
    assumptions = sorted({name for branch in ordered for name in branch.chain.assumptions})
    if assumptions:
        yield f"assumptions: {', '.join(assumptions)}"


def _row(branch: Branch) -> Row:
    chain = branch.chain
    trip = "-" if chain.round_trip is None else str(chain.round_trip)
    share = f"{branch.probability} ({float(branch.probability):.1%})"
    why = explanation(chain)
    return Row((share, str(chain.disposition), trip, nat_text(chain), _path(chain)), () if why is None else (why,))


def _path(chain: Chain) -> str:
    """The devices on the way there, connection by connection."""
    ways = [trace for trace in chain.traces if trace.direction == "forward"]
    return "; ".join(" > ".join(hop.device for hop in trace.hops) for trace in ways)


def branches_json(branches: Iterable[Branch]) -> list[dict[str, Any]]:
    """The branches as data: the probability as a number, and the chain."""
    return [{"probability": float(branch.probability), "chain": branch.chain.to_json()} for branch in branches]
