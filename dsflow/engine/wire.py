"""What interfaces take off a link and put onto it: size, family, fragments."""

from __future__ import annotations

from dsflow.dataplane.action import Drop, Forward, Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.tables import Receive
from dsflow.engine.outcome import At
from dsflow.net.address import Family
from dsflow.net.fragment import datagram_key, divided_like, fragment, overlap, reassemble
from dsflow.net.packet import MalformedPacket, Packet, UnreadablePacket
from dsflow.trace.step import Effect, Record

__all__ = ["limit", "most_bytes", "off_the_wire", "pieces", "put_together"]

_DIVIDED = Rule(
    reason="larger than the {mtu} bytes of the link: divided (RFC 791 section 3.2, RFC 8200 section 4.5)",
)


def off_the_wire(packet: Packet, in_interface: str | None, wire: Receive | None) -> Drop | None:
    """The refusal of what is not even taken in (or sent): bytes that are no packet, and what is too long."""
    if isinstance(packet, UnreadablePacket):
        return Drop(Rule(reason=f"no packet that a machine takes in: {packet.flaw}"), Disposition.MALFORMED)
    if wire is None or in_interface is None:
        return None
    if packet.family is Family.IPV6 and in_interface in wire.ipv6_off:
        return wire.not_running
    return wire.too_long if len(packet.raw) > wire.limits_bytes[in_interface] else None


def most_bytes(wire: Receive | None, in_interface: str | None, mtu_bytes: int) -> int:
    """The longest packet for which a visit's decisions hold."""
    return mtu_bytes if wire is None or in_interface is None else min(mtu_bytes, wire.limits_bytes[in_interface])


def limit(route: Forward, at: At) -> int:
    """The largest packet that may leave: what the way takes, or less where the sender knows of a narrower one."""
    mtu_bytes = route.mtu_bytes
    return mtu_bytes if at.path_mtu is None else min(mtu_bytes, at.path_mtu)


def put_together(
    waiting: dict[tuple[int, ...], tuple[Packet, ...]], packets: tuple[Packet, ...]
) -> tuple[Packet | None, tuple[Packet, ...]]:
    """The whole datagram, None while a piece is missing, and the pieces that it is made of.

    What is missing pieces waits in ``waiting`` for the next packet of the session.  A piece that overlaps another
    ends the wait and is lost with all of them (RFC 5722, inet_frag_queue_insert); one that came before is ignored.
    """
    key = datagram_key(packets[0])
    together = (*waiting.pop(key, ()), *packets)
    try:
        whole = reassemble(together)
    except MalformedPacket:  # more than a packet can be (ip_frag_reasm)
        return None, together
    if whole is None and not overlap(together):
        waiting[key] = together
    return whole, together


def pieces(
    left: tuple[Packet, ...],
    route: Forward,
    at: At,
    packets: tuple[Packet, ...],
    largest: int,
    records: list[Record],
    longest: int | None = None,
) -> tuple[Packet, ...]:
    """What goes onto the link: the packet, or as many pieces as it takes.

    Of the pieces of one packet none follows the first that is more than the ``longest`` that the link's other end
    takes: the sender hears of that (ip_do_fragment and ip6_fragment stop when veth_xmit fails).
    """
    mtu_bytes = limit(route, at)
    if largest:
        return _until_lost(_as_received(left[0], packets, mtu_bytes, largest, records), longest)
    return _divided(left, mtu_bytes, records, longest) if len(left[0].raw) > mtu_bytes else left


def _until_lost(made: tuple[Packet, ...], longest: int | None) -> tuple[Packet, ...]:
    lost = [] if longest is None else [number for number, piece in enumerate(made) if len(piece.raw) > longest]
    return made[: lost[0] + 1] if lost else made


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


def _divided(
    packets: tuple[Packet, ...], mtu_bytes: int, records: list[Record], longest: int | None = None
) -> tuple[Packet, ...]:
    """The packets in pieces that fit; each router divides what it gets, fragments too."""
    if all(packet.length <= mtu_bytes for packet in packets):
        return packets
    records.append(("fragment", Effect.REWRITE, _DIVIDED, packets[0], None, None, mtu_bytes))
    return tuple(piece for packet in packets for piece in _until_lost(fragment(packet, mtu_bytes), longest))
