"""Latency estimates as a long table: a row for every chain and way, and for every hop; units in the header."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from typing import Any

from dsflow.dataplane.disposition import Disposition
from dsflow.report.files import written_whole
from dsflow.trace.chain import Chain
from dsflow.trace.words import CAVEAT

__all__ = ["COLUMNS", "latency_rows", "write_latency_csv"]

_TIMES = tuple(f"{name}{bound}_us" for name in ("p50", "p95", "p99") for bound in ("", "_low", "_high"))

COLUMNS = (
    *("scenario", "profile", "seed", "path_type", "family", "from", "to", "protocol", "dport"),
    *("disposition", "round_trip", "scope", "connection", "direction", "hop", "device"),
    *_TIMES,
    *("assumed_share", "basis"),
)
"""``low`` and ``high`` bound the 90 % interval of a percentile; ``assumed_share`` is a fraction of the mean."""


def write_latency_csv(chains: Iterable[Chain], path: str | os.PathLike[str]) -> None:
    """Write the rows of every chain under a header.

    Raises
    ------
    HostError
        When the file cannot be written.
    """
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for chain in chains:
            writer.writerows(latency_rows(chain))


def latency_rows(chain: Chain) -> Iterator[dict[str, Any]]:
    """The rows of one chain; ``scope`` says what a row times.

    ``one-way`` and ``round-trip`` are a delivered chain's totals, ``until-stopped`` that of a chain that
    was not delivered (or left the model), ``hop`` one visit and the link behind it.  Times are empty where
    no packet was made.
    """
    estimate = chain.latency
    common = _common(chain)
    share = {} if estimate is None else {"assumed_share": round(estimate.assumed_share, 3)}
    scope = "one-way" if chain.disposition is Disposition.DELIVERED else "until-stopped"
    yield common | {"scope": scope} | _times(estimate and estimate.one_way) | share
    if estimate is not None and estimate.round_trip is not None:
        yield common | {"scope": "round-trip"} | _times(estimate.round_trip)
    for trace in chain.traces:
        for hop in trace.hops:
            place = {"scope": "hop", "connection": trace.connection, "direction": str(trace.direction)}
            visit = {"hop": hop.index, "device": hop.device}
            yield common | place | visit | _times(estimate and hop.latency_us)


def _common(chain: Chain) -> dict[str, Any]:
    question = chain.question
    return {
        "scenario": chain.scenario,
        "profile": chain.profile,
        "seed": chain.seed,
        "path_type": chain.path_type,
        "family": str(question.family),
        "from": question.origin,
        "to": question.target,
        "protocol": question.protocol,
        "dport": question.dport,
        "disposition": str(chain.disposition),
        "round_trip": chain.round_trip,
        "basis": CAVEAT,
    }


def _times(percentiles: Any) -> dict[str, float]:
    if percentiles is None:
        return {}
    numbers = (us for percentile in percentiles for us in percentile)
    return {name: round(float(us), 1) for name, us in zip(_TIMES, numbers, strict=True)}
