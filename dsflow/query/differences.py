"""In what two chains of one question differ, in the words of an architect, the gravest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain as joined

from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.nat import NatKind
from dsflow.net.address import Family
from dsflow.query.align import aligned_hops, aligned_traces
from dsflow.query.missing_route import missing_route
from dsflow.trace.chain import Chain
from dsflow.trace.ledger import LedgerRow
from dsflow.trace.trace import Direction, Trace
from dsflow.trace.twin import AlignedHop, Difference, DifferenceKind
from dsflow.trace.words import CAVEAT, ends_words, interval_words, verdict_words

__all__ = ["alike", "differences"]

_GATEWAYS = ("igw", "natgw", "sgw", "drg", "lpg")


def differences(ipv4: Chain, ipv6: Chain) -> tuple[Difference, ...]:
    """Everything that is not alike, ranked: what is lost first, what only takes longer last."""
    found = joined(
        _deliveries(ipv4, ipv6),
        _missing_routes(ipv4, ipv6),
        _rewrites(ipv4, ipv6),
        _family_changes(ipv4, ipv6),
        _gateways(ipv4, ipv6),
        _devices(ipv4, ipv6),
        _hop_limits(ipv4, ipv6),
        _mtus(ipv4, ipv6),
        _latencies(ipv4, ipv6),
    )
    rank = list(DifferenceKind).index
    return tuple(sorted(found, key=lambda one: rank(one.kind)))


def alike(ipv4: Chain, ipv6: Chain) -> tuple[str, ...]:
    """What is worth telling although it is the same in both."""
    return tuple(_alike(ipv4, ipv6))


# --- delivery ------------------------------------------------------------------------------------------------


def _deliveries(ipv4: Chain, ipv6: Chain) -> Iterator[Difference]:
    """One family is lost, or both are and not in the same way."""
    if _ending(ipv4) == _ending(ipv6):
        return
    failed = [chain for chain in (ipv4, ipv6) if chain.failed is not None]
    mends = list(dict.fromkeys(trace.mend for chain in failed if (trace := chain.failed) is not None and trace.mend))
    told = "; ".join(map(_verdict, (ipv4, ipv6)))
    yield Difference(DifferenceKind.DELIVERY, told, "; ".join(mends) or None)


def _ending(chain: Chain) -> tuple[Disposition, Disposition | None, str | None]:
    lost = chain.failed
    return chain.disposition, chain.round_trip, None if lost is None else lost.ended_at.device


def _verdict(chain: Chain) -> str:
    """How one family fares, as the end of a sentence that begins with its name."""
    verdict, why, _ = verdict_words(chain)
    said = verdict if verdict.startswith("left") else f"is {verdict}"
    return f"{_title(chain)} {said}" + (f" ({why})" if why else "")


def _title(chain: Chain) -> str:
    return chain.question.family.title


def _missing_routes(ipv4: Chain, ipv6: Chain) -> Iterator[Difference]:
    for lost, other in ((ipv4, ipv6), (ipv6, ipv4)):
        told = missing_route(lost, other)
        if told is not None:
            yield Difference(DifferenceKind.MISSING_ROUTE, told)


# --- rewriting -----------------------------------------------------------------------------------------------


def _rewrites(ipv4: Chain, ipv6: Chain) -> Iterator[Difference]:
    """The kinds of translation that one family meets more often than the other; the way back is no difference more."""
    for chain, other in ((ipv4, ipv6), (ipv6, ipv4)):
        more = Counter(row.kind for row in _first_of_each(chain))
        more -= Counter(row.kind for row in _first_of_each(other))
        for row in _first_of_each(chain):
            if more[row.kind] > 0 and _got_so_far(other, row):
                more[row.kind] -= 1
                yield Difference(DifferenceKind.REWRITE, f"only {_title(chain)} is rewritten: {_rewriting(row)}")


def _got_so_far(chain: Chain, row: LedgerRow) -> bool:
    """Whether a chain got as far as the other one was when it was rewritten: what never came there tells nothing."""
    lost = chain.failed
    if lost is None or (lost.connection, row.direction) != (row.connection, lost.direction):
        return lost is None or row.connection < lost.connection or lost.direction is not Direction.FORWARD
    return row.hop is not None and row.hop <= lost.ended_at.index


def _first_of_each(chain: Chain) -> list[LedgerRow]:
    """A row for each place that translates, once for both directions."""
    found: dict[tuple[NatKind, str, int], LedgerRow] = {}
    for row in chain.nat_applied:
        found.setdefault((row.kind, row.device, row.connection), row)
    return list(found.values())


def _rewriting(row: LedgerRow) -> str:
    assert row.before is not None
    assert row.after is not None  # the header changed, or the row would not be applied
    back = "" if row.direction is Direction.FORWARD else ", on the way back,"
    return f"{row.kind} at {row.device}{back} turns {ends_words(row.before)} into {ends_words(row.after)}"


def _family_changes(ipv4: Chain, ipv6: Chain) -> Iterator[Difference]:
    """A proxy that takes a client of one family and dials in the other."""
    for chain in (ipv4, ipv6):
        trace = next((one for one in _forward(chain) if one.family is not chain.question.family), None)
        if trace is not None:
            at, family = trace.hops[0].device, trace.family.title
            told = f"the {_title(chain)} client is served over {family} behind {at} ({_dialled(trace)})"
            yield Difference(DifferenceKind.FAMILY_CHANGE, told)


def _dialled(trace: Trace) -> str:
    header = trace.hops[0].header_out
    assert header is not None, "a proxy's own connection begins with a packet"
    return f"connection {trace.connection}, {ends_words(header)}"


# --- the way -------------------------------------------------------------------------------------------------


def _gateways(ipv4: Chain, ipv6: Chain) -> Iterator[Difference]:
    """Another door between the VCN and the rest of the world, on the way there or, if that is the same, back."""
    for direction, goes in ((Direction.FORWARD, "goes through"), (Direction.REPLY, "is answered through")):
        doors = [_doors(chain, direction) for chain in (ipv4, ipv6)]
        if doors[0] == doors[1] or not all(doors):
            continue
        one, other = map(_listed, doors)
        yield Difference(DifferenceKind.GATEWAY, f"{_title(ipv4)} {goes} {one}, {_title(ipv6)} through {other}")
        return


def _doors(chain: Chain, direction: Direction) -> list[str]:
    hops = (hop for trace in chain.traces if trace.direction is direction for hop in trace.hops)
    return list(dict.fromkeys(hop.device for hop in hops if hop.kind in _GATEWAYS))


def _devices(ipv4: Chain, ipv6: Chain) -> Iterator[Difference]:
    """Devices that only one family passes, where neither was cut short; behind a choice, as such."""
    chosen, aligned = False, aligned_hops(ipv4, ipv6)
    for one, other in aligned_traces(ipv4, ipv6):
        if one is None or other is None or one.direction is not Direction.FORWARD:
            continue
        if one.disposition.is_success and other.disposition.is_success:
            rows = [row for row in aligned if _is_of(row, one)]
            passed = [_only(rows, Family.IPV4), _only(rows, Family.IPV6)]
            chosen = chosen or any(record[5] is NatKind.SERVICE_DNAT for hop in one.hops for record in hop.records)
            if any(passed):
                yield _other_devices(passed, chosen)
        chosen = chosen or one.disposition is Disposition.RE_ORIGINATED


def _is_of(row: AlignedHop, trace: Trace) -> bool:
    return (row.connection, row.direction) == (trace.connection, trace.direction)


def _only(rows: Sequence[AlignedHop], family: Family) -> list[str]:
    """The devices of one family that stand beside another one or beside nothing, but for gateways."""
    sides = [(row.ipv4 if family is Family.IPV4 else row.ipv6) for row in rows if "device" in row.differs]
    return [side.device for side in sides if side is not None and side.device.partition("/")[0] not in _GATEWAYS]


def _other_devices(passed: Sequence[Sequence[str]], chosen: bool) -> Difference:
    ways = [
        f"{family.title} passes {_listed(devices) if devices else 'none of them'}"
        for family, devices in zip(Family, passed, strict=True)
    ]
    if not chosen:
        return Difference(DifferenceKind.DEVICE, ", ".join(ways))
    why = "each family's connection is led to a back end by a choice of its own, so another flow may go elsewhere"
    return Difference(DifferenceKind.BACK_END, f"{', '.join(ways)}: {why}")


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


# --- numbers -------------------------------------------------------------------------------------------------


def _hop_limits(ipv4: Chain, ipv6: Chain) -> Iterator[Difference]:
    one, other = (_arriving_ttl(chain) for chain in (ipv4, ipv6))
    if one is not None and other is not None and one != other:
        told = f"packets arrive with a TTL of {one} in IPv4 and a hop limit of {other} in IPv6"
        yield Difference(DifferenceKind.HOP_LIMIT, told)


def _arriving_ttl(chain: Chain) -> int | None:
    header = chain.forward.hops[-1].header_in
    return header.ttl if header is not None and chain.disposition is Disposition.DELIVERED else None


def _mtus(ipv4: Chain, ipv6: Chain) -> Iterator[Difference]:
    one, other = (_smallest_mtu_bytes(chain) for chain in (ipv4, ipv6))
    if one is not None and other is not None and one != other:
        told = f"the smallest link on the way takes {one} bytes in IPv4 and {other} in IPv6"
        yield Difference(DifferenceKind.MTU, told)


def _smallest_mtu_bytes(chain: Chain) -> int | None:
    if chain.disposition is not Disposition.DELIVERED:
        return None
    hops = (hop for trace in _forward(chain) for hop in trace.hops)
    return min((hop.neighbor.link.mtu_bytes for hop in hops if hop.neighbor is not None), default=None)


def _forward(chain: Chain) -> list[Trace]:
    return [trace for trace in chain.traces if trace.direction is Direction.FORWARD]


def _latencies(ipv4: Chain, ipv6: Chain) -> Iterator[Difference]:
    if _has_times(ipv4, ipv6) and not _overlap(ipv4, ipv6):
        yield Difference(DifferenceKind.LATENCY, f"p50 one way is {_medians(ipv4, ipv6)} ({CAVEAT})")


def _has_times(*chains: Chain) -> bool:
    return all(chain.disposition is Disposition.DELIVERED and chain.latency is not None for chain in chains)


def _overlap(ipv4: Chain, ipv6: Chain) -> bool:
    one, other = ipv4.latency.one_way.p50, ipv6.latency.one_way.p50
    return bool(one.low <= other.high and other.low <= one.high)


def _medians(*chains: Chain) -> str:
    return " and ".join(f"{interval_words(chain.latency.one_way.p50)} in {_title(chain)}" for chain in chains)


# --- what is alike -------------------------------------------------------------------------------------------


def _alike(ipv4: Chain, ipv6: Chain) -> Iterator[str]:
    if ipv4.failed is not None and _ending(ipv4) == _ending(ipv6):
        yield f"how it ends: {'; '.join(map(_verdict, (ipv4, ipv6)))}"
    if ipv4.succeeded and ipv6.succeeded and _way(ipv4) == _way(ipv6):
        yield "the way: the same devices in the same order, there and back"
    if _has_times(ipv4, ipv6) and _overlap(ipv4, ipv6):
        yield f"the time: p50 one way {_medians(ipv4, ipv6)}; the intervals overlap ({CAVEAT})"


def _way(chain: Chain) -> list[list[str]]:
    return [[hop.device for hop in trace.hops] for trace in chain.traces]
