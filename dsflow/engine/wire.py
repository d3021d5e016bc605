"""What interfaces take off a link and put onto it: size, family, fragments."""

from __future__ import annotations

from dsflow.dataplane.action import Drop, Forward, Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.tables import Receive
from dsflow.engine.outcome import At
from dsflow.net.address import Family
from dsflow.net.fragment import divided_like, fragment
from dsflow.net.packet import Packet, UnreadablePacket
from dsflow.trace.step import Effect, Record

__all__ = ["limit", "most_bytes", "off_the_wire", "pieces"]

_DIVIDED = Rule(
    reason="larger than the {mtu} bytes of the link: divided (RFC 791 section 3.2, RFC 8200 section 4.5)",
)


def off_the_wire(packets: tuple[Packet, ...], in_interface: str | None, wire: Receive | None) -> Drop | None:
    """What is not even taken in (or sent): bytes that are no packet, and what the interface cannot take."""
    first = packets[0]
    if isinstance(first, UnreadablePacket):
        return Drop(Rule(reason=f"no packet that a machine takes in: {first.flaw}"), Disposition.MALFORMED)
    if wire is None or in_interface is None:
        return None
    if first.family is Family.IPV6 and in_interface in wire.ipv6_off:
        return wire.not_running
    longest = max(len(packet.raw) for packet in packets)
    return wire.too_long if longest > wire.limits_bytes[in_interface] else None


def most_bytes(wire: Receive | None, in_interface: str | None, mtu_bytes: int) -> int:
    """The longest packet for which a visit's decisions hold."""
    return mtu_bytes if wire is None or in_interface is None else min(mtu_bytes, wire.limits_bytes[in_interface])


def limit(route: Forward, at: At) -> int:
    """The largest packet that may leave: what the way takes, or less where the sender knows of a narrower one."""
    mtu_bytes = route.mtu_bytes
    return mtu_bytes if at.path_mtu is None else min(mtu_bytes, at.path_mtu)


def pieces(
    left: tuple[Packet, ...],
    route: Forward,
    at: At,
    packets: tuple[Packet, ...],
    largest: int,
    records: list[Record],
) -> tuple[Packet, ...]:
    """What goes onto the link: the packet, or as many pieces as it takes."""
    mtu_bytes = limit(route, at)
    if largest:
        return _as_received(left[0], packets, mtu_bytes, largest, records)
    return _divided(left, mtu_bytes, records) if len(left[0].raw) > mtu_bytes else left


def _as_received(
    whole: Packet, packets: tuple[Packet, ...], mtu_bytes: int, largest: int, records: list[Record]
) -> tuple[Packet, ...]:
    """What a session box put together leaves as it came, or in pieces no larger than the largest that came.

    IPv6 leaves whole where that is no larger either (nf_conntrack_reasm, ip_do_fragment, ip6_fragment).
    """
    if whole.family is Family.IPV6 and whole.length <= min(largest, mtu_bytes):
        return (whole,)
    if largest > mtu_bytes:
        return _divided((whole,), mtu_bytes, records)
    records.append(("fragment", Effect.REWRITE, _DIVIDED, whole, None, None, mtu_bytes))
    return divided_like(whole, packets)


def _divided(packets: tuple[Packet, ...], mtu_bytes: int, records: list[Record]) -> tuple[Packet, ...]:
    """The packets in pieces that fit; each router divides what it gets, fragments too."""
    if all(packet.length <= mtu_bytes for packet in packets):
        return packets
    records.append(("fragment", Effect.REWRITE, _DIVIDED, packets[0], None, None, mtu_bytes))
    return tuple(piece for packet in packets for piece in fragment(packet, mtu_bytes))
