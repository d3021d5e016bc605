"""A chain as a table for analysts: one row for every hop."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from dsflow.errors import HostError
from dsflow.trace.chain import Chain
from dsflow.trace.hop import Hop
from dsflow.trace.step import in_words
from dsflow.trace.trace import Trace

__all__ = ["hop_records", "hops_frame"]


def hops_frame(chain: Chain) -> Any:
    """A pandas DataFrame with a row for every hop of every trace; the columns are those of :func:`hop_records`.

    Raises
    ------
    HostError
        Where pandas is not installed.
    """
    try:
        pandas = import_module("pandas")
    except ImportError:
        raise HostError("a DataFrame needs pandas, which is not installed: pip install 'dsflow[pandas]'") from None
    return pandas.DataFrame.from_records(list(hop_records(chain)))


def hop_records(chain: Chain) -> Iterator[dict[str, Any]]:
    """A record for every hop: the header as it leaves, at the last hop as it arrived.

    ``nat`` are the translations made there, ``rule`` and ``reason`` those of the last decision; times are in
    microseconds.
    """
    for trace in chain.traces:
        for hop in trace.hops:
            yield _record(trace, hop)


def _record(trace: Trace, hop: Hop) -> dict[str, Any]:
    header = hop.header_out or hop.header_in
    decided = hop.decisions[-1]
    p50 = (None, None, None) if hop.latency_us is None else hop.latency_us.p50
    return {
        "connection": trace.connection,
        "direction": str(trace.direction),
        "family": str(trace.family),
        "disposition": str(trace.disposition),
        "hop": hop.index,
        "device": hop.device,
        "kind": hop.kind,
        "in_interface": hop.in_interface,
        "out_interface": hop.out_interface,
        "src": header and header.src,
        "dst": header and header.dst,
        "sport": header and header.sport,
        "dport": header and header.dport,
        "protocol": header and header.protocol,
        "ttl": header and header.ttl,
        "length_bytes": header and header.length,
        "nat": ", ".join(record.kind for record in hop.decisions if record.kind is not None) or None,
        "rule": decided.rule.id,
        "reason": in_words(decided.rule.reason, decided.before, decided.mtu_bytes),
        "p50_us": p50[0],
        "p50_low_us": p50[1],
        "p50_high_us": p50[2],
    }
