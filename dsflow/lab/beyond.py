"""What the stand-ins of the cloud do not do as the simulation has it, so that it is not compared.  Pure."""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.dataplane.device import Device
from dsflow.dataplane.disposition import Disposition
from dsflow.lab.expect import dialled
from dsflow.lab.leftover import opens_nothing
from dsflow.lab.probe import Probe
from dsflow.net.wire import UDP, is_fragment
from dsflow.trace.chain import Chain
from dsflow.trace.hop import Hop
from dsflow.trace.step import VNIC_STAGE, Decision, Effect
from dsflow.trace.trace import Direction, Trace

__all__ = ["beyond_twins", "is_network_balancer"]


def beyond_twins(chain: Chain, probe: Probe) -> str | None:
    """Why a probe's chain cannot be held against the stand-ins on its way; None where it can."""
    unknown = next((trace for trace in chain.traces if trace.disposition is Disposition.UNDETERMINED), None)
    if unknown is not None:
        return f"the simulation cannot tell: {unknown.reason}"
    if any(decision.stage == VNIC_STAGE and decision.effect is Effect.DROP for decision in _decisions(chain)):
        return "the stand-ins have no security lists and NSGs, and one refuses here"
    balancer = next((hop for trace in chain.traces for hop in trace.hops if is_network_balancer(hop.at)), None)
    if balancer is not None:
        return f"the network load balancer {balancer.device} has no stand-in"
    origin = chain.traces[0].hops[0]
    if origin.kind != "device" and probe.interface is None and len(origin.packets_out) > 1:
        return "a raw socket sends no packet that is larger than its interface takes"
    if any(_is_empty_echo(trace) for trace in chain.traces):
        return "socat, which listens for datagrams in the lab, echoes no empty one"
    if dialled(chain) is not None and _traffic_class(probe.packet) & _ECN:
        return "a client's socket chooses the bits of congestion notification itself"
    if any(trace.connection > 1 and trace.direction is Direction.ERROR for trace in chain.traces):
        return "a proxy's kernel dials again, a second later, where an ICMP error refuses it"
    last = chain.traces[-1]
    if last.connection > 1 and last.direction is Direction.FORWARD and last.disposition.is_failure:
        return "a proxy's kernel dials again, a second later, where it gets no answer"
    for hop, direction in _first_visits(chain):
        reason = _at_translator(hop, direction)
        if reason is not None:
            return reason
    return None


def is_network_balancer(device: Device) -> bool:
    """Whether it is a load balancer that hands packets on, and no proxy."""
    return device.kind == "lb" and bool(device.forward)


def _decisions(chain: Chain) -> Iterator[Decision]:
    return (decision for trace in chain.traces for hop in trace.hops for decision in hop.decisions)


def _is_empty_echo(trace: Trace) -> bool:
    """Whether a listener answers a UDP datagram that carries nothing."""
    if trace.direction is not Direction.REPLY or not trace.hops[0].decisions:
        return False
    packet = trace.hops[0].decisions[0].before
    return packet is not None and packet.protocol == UDP and len(packet.raw) == packet.transport + 8


_ECN = 0x03


def _traffic_class(packet: bytes) -> int:
    return packet[1] if packet[0] >> 4 == 4 else int.from_bytes(packet[:2], "big") >> 4 & 0xFF


def _first_visits(chain: Chain) -> Iterator[tuple[Hop, Direction]]:
    """Each device's first hop in the chain."""
    seen: set[str] = set()
    for trace in chain.traces:
        for hop in trace.hops:
            if hop.device not in seen:
                seen.add(hop.device)
                yield hop, trace.direction


def _at_translator(hop: Hop, direction: Direction) -> str | None:
    """What connection tracking makes of an IPv4 packet at a translator that has seen none of its connection."""
    raw = next(iter(hop.packets_in), b"")
    if hop.kind not in ("igw", "natgw") or raw[:1] >= b"\x60":
        return None
    if hop.kind == "natgw" and opens_nothing(raw):
        return "the kernel translates no packet that opens no connection, the simulated NAT gateway does"
    if hop.kind == "igw" and direction is Direction.ERROR:
        return "an Internet gateway's twin leaves the quote of a packet alone that it has not seen"
    if hop.kind == "igw" and len(hop.packets_in) == 1 and is_fragment(raw):
        return "a lone fragment waits for the rest at an Internet gateway's twin, as it tracks connections"
    return None
