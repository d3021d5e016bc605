"""A chain as packets at interfaces, and what the sender itself hears.  Pure."""

from __future__ import annotations

import errno
from collections.abc import Container, Iterator
from typing import NamedTuple

from dsflow.dataplane.disposition import Disposition
from dsflow.lab.compare import Expected, Maker
from dsflow.lab.probe import Probe
from dsflow.model.devices import GenericDevice
from dsflow.net.address import Address, Family
from dsflow.trace.chain import Chain
from dsflow.trace.hop import Hop
from dsflow.trace.trace import Direction, Trace

__all__ = [
    "LOOPBACK",
    "Dialled",
    "RouteError",
    "dialled",
    "expected_errno",
    "expected_packets",
    "fails_at_home",
    "first_receiver",
    "is_to_itself",
    "maybe_redirected",
    "route_errors",
    "tells_a_stranger",
]

LOOPBACK = "lo"
"""Here passes what a device sends itself, which is one hop and no packet at an interface in the trace."""

_CAME_HOME = (
    Disposition.DELIVERED,
    Disposition.NO_LISTENER,
    Disposition.DENIED_INGRESS,
    Disposition.MALFORMED,
)
"""How what a device sends itself can end, once it has passed the loopback."""

_ERRNO = {
    Disposition.NO_ROUTE: errno.ENETUNREACH,
    Disposition.UNREACHABLE_ROUTE: errno.EHOSTUNREACH,
    Disposition.PROHIBITED: errno.EACCES,
    Disposition.BLACKHOLED: errno.EINVAL,
    Disposition.DENIED_EGRESS: errno.EPERM,
    Disposition.TOO_BIG: errno.EMSGSIZE,
    Disposition.SOURCE_CHECK_FAILED: errno.EPERM,
    Disposition.NAT_EXHAUSTED: errno.EPERM,
}
"""What a local send hears of its own device's refusal (ip-route(8), raw(7))."""


_ERRNO_IN_CLOUD = {
    Disposition.SCOPE_UNROUTABLE: errno.EINVAL,
    Disposition.SOURCE_CHECK_FAILED: errno.EPERM,
    Disposition.TOO_BIG: errno.EMSGSIZE,
}
"""The same of machines whose networks refuse in silence: their routes are blackholes."""


def expected_packets(chain: Chain, probe: Probe, twins: Container[str]) -> tuple[list[Expected], int]:
    """Every packet of a chain at the interfaces of devices with a twin, and how many are elsewhere."""
    found, elsewhere = [], 0
    for packet in _packets(chain, _probe_maker(probe)):
        if packet.device in twins:
            found.append(packet)
        else:
            elsewhere += 1
    return found, elsewhere


def _packets(chain: Chain, probe_maker: Maker) -> Iterator[Expected]:
    probe_maker = Maker.CLIENT if dialled(chain) is not None else probe_maker
    for number, trace in enumerate(chain.traces):
        maker = _maker(trace, probe_maker)
        quoted = probe_maker if trace.cause is None else _maker(chain.traces[trace.cause.trace], probe_maker)
        for hop in trace.hops:
            for interface, direction, packets in _sides(hop):
                if maker is Maker.PROBE and direction == "out" and _divides_again(hop):
                    maker = Maker.DIVIDED
                for raw in packets:
                    yield Expected(number, hop.index, hop.device, interface, direction, raw, maker, quoted)
        if is_to_itself(trace):
            packet = trace.hops[0].decisions[-1].before
            assert packet is not None, "a packet that came home was decided on"
            yield Expected(number, 0, trace.hops[0].device, LOOPBACK, "out", packet.raw, maker, quoted)


def is_to_itself(trace: Trace) -> bool:
    """Whether a generic device that translates nothing sent itself the packet, and it passed the loopback."""
    hop = trace.hops[0]
    plain = len(trace.hops) == 1 and hop.kind == "device" and not hop.at.capabilities
    return plain and hop.neighbor is None and trace.disposition in _CAME_HOME and not _never_left(hop, trace.family)


def _never_left(hop: Hop, family: Family) -> bool:
    """Whether the hop refused bytes that are no packet, or its connection tracking holds a fragment back."""
    stage = hop.decisions[-1].stage
    return stage in ("receive", "send") or (stage == "reassemble" and family in hop.at.tracks_connections)


def _divides_again(hop: Hop) -> bool:
    """Whether the hop put IPv6 fragments together, and divided what it got."""
    ipv6 = bool(hop.arrived) and hop.arrived[0].family is Family.IPV6
    return ipv6 and any(record[0] == "fragment" for record in hop.records)


def _sides(hop: Hop) -> Iterator[tuple[str, str, tuple[bytes, ...]]]:
    if hop.in_interface is not None and hop.in_interface != LOOPBACK:
        yield hop.in_interface, "in", _taken_in(hop, hop.in_interface)
    if hop.out_interface is not None and hop.out_interface != LOOPBACK:
        yield hop.out_interface, "out", hop.packets_out


def _taken_in(hop: Hop, interface: str) -> tuple[bytes, ...]:
    """What arrives: a veth loses what its receiver's MTU does not allow before anybody can see it."""
    limits = {} if hop.at.wire is None else hop.at.wire.limits_bytes
    longest = limits.get(interface)
    return tuple(raw for raw in hop.packets_in if longest is None or len(raw) <= longest)


def _maker(trace: Trace, probe_maker: Maker) -> Maker:
    if trace.connection > 1:
        return Maker.PROXY
    first = trace.direction is Direction.FORWARD
    return probe_maker if first or probe_maker is Maker.CLIENT else Maker.KERNEL


def _probe_maker(probe: Probe) -> Maker:
    numbered = probe.interface is not None or probe.packet[:1] >= b"\x60" or any(probe.packet[4:6])
    return Maker.PROBE if numbered else Maker.UNNUMBERED


def expected_errno(chain: Chain, probe: Probe) -> int | None:
    """The error number that sending gives, where the sender's own device refuses the packet."""
    first = chain.traces[0]
    if len(first.hops) > 1 or first.hops[0].packets_out:
        return None
    if probe.interface is not None:
        return errno.EMSGSIZE if first.disposition is Disposition.TOO_BIG else None
    if first.hops[0].kind == "device":
        return _ERRNO.get(first.disposition)
    rejected = first.disposition in (Disposition.NO_BACKEND, Disposition.DENIED_EGRESS)
    if rejected and first.hops[0].decisions[-1].stage == "output":
        return errno.EPERM  # rejected on its way out; on its way in it was sent
    return _ERRNO_IN_CLOUD.get(first.disposition)


def fails_at_home(chain: Chain, probe: Probe, sender: GenericDevice | None) -> bool:
    """Whether the sender's own neighbour fails, and an error about it must reach the sender over its loopback.

    Not where the source is of others, where the packet is a later fragment, or where the sender's own filters may
    keep the error from itself.
    """
    first = chain.traces[0]
    if len(first.hops) > 1 or probe.interface is not None or first.disposition is not Disposition.NEIGHBOR_UNREACHABLE:
        return False
    if sender is None:
        return False
    ipv6 = probe.packet[0] >> 4 == 6
    later = not ipv6 and (probe.packet[6] & 0x1F or probe.packet[7])
    return not later and not sender.filters and _source(probe.packet) in sender.addresses(Family(6 if ipv6 else 4))


_REFUSED_LATE = (
    Disposition.NEIGHBOR_UNREACHABLE,
    Disposition.TOO_BIG,
    Disposition.DENIED_EGRESS,
    Disposition.DENIED_INGRESS,
    Disposition.NO_LISTENER,
)


def tells_a_stranger(chain: Chain, probe: Probe) -> bool:
    """Whether the sender's own device refuses a packet whose source is another's, and may tell that other one.

    A packet of one hop has no error trace (the contract on generic devices); the kernel sends the error to the
    source, wherever that is.  Such errors are not compared.
    """
    first = chain.traces[0]
    if len(first.hops) > 1 or probe.interface is not None or first.disposition not in _REFUSED_LATE:
        return False
    source = _source(probe.packet)
    interfaces = first.hops[0].at.interfaces.values()
    return not any(source.value in interface.addresses.get(source.family, ()) for interface in interfaces)


class Dialled(NamedTuple):
    """What a load balancer does with a connection: where the client finds it, and which back end it dials."""

    balancer: str
    address: Address
    port: int
    backend: tuple[Address, int]


def dialled(chain: Chain) -> Dialled | None:
    """The connection that a proxy opens in a chain, if it opens one."""
    opened = next((trace for trace in chain.traces if trace.connection == 2), None)
    if opened is None:
        return None
    last = chain.traces[0].hops[-1]
    asked, dials = last.arrived[0], (opened.hops[0].left or last.arrived)[0]
    assert asked.dport is not None
    assert dials.dport is not None
    address, backend = (Address(packet.family, packet.dst) for packet in (asked, dials))
    return Dialled(last.device, address, asked.dport, (backend, dials.dport))


def _source(packet: bytes) -> Address:
    return Address.from_packed(packet[8:24] if packet[0] >> 4 == 6 else packet[12:16])


class RouteError(NamedTuple):
    """Errors that Linux sends rarely: five at once and one a second, from each device to each receiver."""

    device: str
    receiver: bytes


def route_errors(chain: Chain) -> list[RouteError]:
    """The IPv4 packets of a chain that a router has no way for (net/ipv4/route.c: ip_error, with limits of its own).

    Each counts, whether an error about it is sent or not.
    """
    lasts = [trace.ended_at for trace in chain.traces if trace.disposition in _ROUTE_ERRORS]
    return [RouteError(hop.device, raw[12:16]) for hop in lasts for raw in hop.packets_in if raw and raw[0] >> 4 == 4]


_ROUTE_ERRORS = (Disposition.NO_ROUTE, Disposition.UNREACHABLE_ROUTE, Disposition.PROHIBITED)


def maybe_redirected(chain: Chain) -> list[RouteError]:
    """The IPv4 packets whose senders may get a redirect: they leave, or would leave, by where they came in.

    A redirect counts against errors about routes, even one that a translation keeps from leaving.
    """
    hops = [hop for trace in chain.traces for hop in trace.hops if hop.in_interface == hop.out_interface]
    hops += [trace.ended_at for trace in chain.traces if trace.disposition in _AFTER_REDIRECTS]
    return [
        RouteError(hop.device, raw[12:16]) for hop in hops for raw in hop.packets_in[:1] if raw[:1] and raw[0] >> 4 == 4
    ]


_AFTER_REDIRECTS = (Disposition.DENIED_FORWARD, Disposition.NEIGHBOR_UNREACHABLE)


def first_receiver(chain: Chain) -> tuple[str, str] | None:
    """Whom the sender hands its packet to: device and interface, None where it hands it to nobody."""
    neighbor = chain.traces[0].hops[0].neighbor
    if neighbor is None or neighbor.device is None or neighbor.in_interface is None:
        return None
    return neighbor.device, neighbor.in_interface
