"""Packets to send, made by scapy, and what came of them, read from the bytes by this module alone.

The tests hold the engine against what the kernel does, so they read packets with code of their own.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
from scapy.packet import Packet as ScapyPacket
from scapy.packet import Raw

from dsflow.trace.chain import Chain
from dsflow.trace.trace import Direction, Trace

__all__ = [
    "Seen",
    "answers",
    "arrived",
    "datagram",
    "ended",
    "error",
    "errors",
    "left",
    "ping",
    "segment",
    "sent",
    "told",
]

Addresses = dict[int, str]


def _head(family: int, src: Addresses | str, dst: Addresses | str, ttl: int, df: bool, ident: int) -> ScapyPacket:
    one, other = _of(family, src), _of(family, dst)
    if family == 4:
        return IP(src=one, dst=other, ttl=ttl, flags="DF" if df else 0, id=ident)
    return IPv6(src=one, dst=other, hlim=ttl)


def _of(family: int, address: Addresses | str) -> str:
    return address if isinstance(address, str) else address[family]


def datagram(
    family: int,
    src: Addresses | str,
    dst: Addresses | str,
    *,
    sport: int = 40000,
    dport: int = 9,
    size: int = 60,
    ttl: int = 64,
    df: bool = False,
    ident: int = 77,
    **fields: Any,
) -> bytes:
    """A UDP datagram; ``size`` is the whole packet's, port 9 is closed everywhere."""
    payload = bytes(number & 0xFF for number in range(size - (28 if family == 4 else 48)))
    upper = UDP(sport=sport, dport=dport, **fields)
    return bytes(_head(family, src, dst, ttl, df, ident) / upper / Raw(payload))


def segment(
    family: int,
    src: Addresses | str,
    dst: Addresses | str,
    *,
    sport: int = 40000,
    dport: int = 80,
    flags: str = "S",
    ttl: int = 64,
    data: bytes = b"",
    **fields: Any,
) -> bytes:
    """A TCP segment: sequence number 100, acknowledging 0 unless said."""
    upper = TCP(sport=sport, dport=dport, flags=flags, seq=100, **fields)
    return bytes(_head(family, src, dst, ttl, df=True, ident=77) / upper / Raw(data))


def ping(
    family: int,
    src: Addresses | str,
    dst: Addresses | str,
    *,
    ident: int = 5,
    size: int = 60,
    ttl: int = 64,
    df: bool = False,
    reply: bool = False,
) -> bytes:
    """An echo request, or a reply that nobody asked for."""
    payload = bytes(size - (28 if family == 4 else 48))
    if family == 4:
        upper: ScapyPacket = ICMP(type=0 if reply else 8, id=ident, seq=1)
    else:
        upper = (ICMPv6EchoReply if reply else ICMPv6EchoRequest)(id=ident, seq=1)
    return bytes(_head(family, src, dst, ttl, df, ident=77) / upper / Raw(payload))


class Seen:
    """One packet, or what is left of one in a quote."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.family = raw[0] >> 4

    def _word(self, at: int, size: int = 2) -> int:
        return int.from_bytes(self.raw[at : at + size], "big")

    @property
    def src(self) -> str:
        return str(ip_address(self.raw[12:16] if self.family == 4 else self.raw[8:24]))

    @property
    def dst(self) -> str:
        return str(ip_address(self.raw[16:20] if self.family == 4 else self.raw[24:40]))

    @property
    def ttl(self) -> int:
        return self.raw[8 if self.family == 4 else 7]

    @property
    def length(self) -> int:
        """What the header says, in bytes of the whole packet."""
        return self._word(2) if self.family == 4 else self._word(4) + 40

    @property
    def tos(self) -> int:
        return self.raw[1] if self.family == 4 else self._word(0) >> 4 & 0xFF

    @property
    def ident(self) -> int:
        return self._word(4) if self.family == 4 else self._word(44, 4)

    @property
    def df(self) -> bool:
        return bool(self.raw[6] & 0x40)

    @property
    def more(self) -> bool:
        """Whether more fragments follow."""
        return bool(self.raw[6] & 0x20) if self.family == 4 else self.is_fragment and bool(self.raw[43] & 1)

    @property
    def is_fragment(self) -> bool:
        return bool(self._word(6) & 0x3FFF) if self.family == 4 else self.raw[6] == 44

    @property
    def offset(self) -> int:
        """Of a fragment, in bytes."""
        return (self._word(6) & 0x1FFF) * 8 if self.family == 4 else self._word(42) & 0xFFF8

    @property
    def upper(self) -> int:
        """Where the upper header begins."""
        return (self.raw[0] & 0xF) * 4 if self.family == 4 else 48 if self.is_fragment else 40

    @property
    def protocol(self) -> int:
        return self.raw[9] if self.family == 4 else self.raw[40] if self.is_fragment else self.raw[6]

    @property
    def ports(self) -> tuple[int, int]:
        return self._word(self.upper), self._word(self.upper + 2)

    @property
    def flags(self) -> int:
        """Of a TCP segment."""
        return self.raw[self.upper + 13]

    @property
    def numbers(self) -> tuple[int, int]:
        """Sequence number and acknowledgement of a TCP segment."""
        return self._word(self.upper + 4, 4), self._word(self.upper + 8, 4)

    @property
    def told(self) -> tuple[int, int]:
        """Type and code of an ICMP message."""
        return self.raw[self.upper], self.raw[self.upper + 1]

    @property
    def echo_id(self) -> int:
        return self._word(self.upper + 4)

    @property
    def mtu(self) -> int:
        """What a too-big error says fits."""
        return self._word(self.upper + 6) if self.family == 4 else self._word(self.upper + 4, 4)

    @property
    def quote(self) -> Seen:
        """What an ICMP error quotes."""
        return Seen(self.raw[self.upper + 8 :])

    @property
    def checksums_hold(self) -> bool:
        """Whether the header's checksum and the message's are right (RFC 1071)."""
        message = self.raw[self.upper :]
        if self.family == 4:
            if _sum(self.raw[: self.upper]) != 0xFFFF:
                return False
            pseudo = b"" if self.protocol == 1 else self.raw[12:20]
        else:
            pseudo = self.raw[8:40]
        if pseudo:
            pseudo += len(message).to_bytes(4, "big") + self.protocol.to_bytes(4, "big")
        return _sum(pseudo + message) == 0xFFFF


def _sum(words: bytes) -> int:
    """The ones' complement sum of 16-bit words."""
    padded = words + bytes(len(words) % 2)
    total = sum(int.from_bytes(padded[at : at + 2], "big") for at in range(0, len(padded), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def left(trace: Trace, at: int = 0) -> list[Seen]:
    """The packets that left the trace's device number ``at``."""
    return [Seen(raw) for raw in trace.hops[at].packets_out]


def arrived(trace: Trace, at: int = -1) -> list[Seen]:
    """The packets that came to the trace's device number ``at``, the last unless said."""
    return [Seen(raw) for raw in trace.hops[at].packets_in]


def errors(chain: Chain) -> list[Trace]:
    """The traces of ICMP errors."""
    return [trace for trace in chain.traces if trace.direction is Direction.ERROR]


def answers(chain: Chain) -> list[Trace]:
    """The traces of replies, resets included."""
    return [trace for trace in chain.traces if trace.direction is Direction.REPLY]


def error(chain: Chain) -> Seen:
    """The one ICMP error of a chain, as its maker sent it."""
    (trace,) = errors(chain)
    (packet,) = left(trace)
    return packet


def told(chain: Chain) -> Seen:
    """The one ICMP error of a chain, as it came to its end."""
    (trace,) = errors(chain)
    (packet,) = arrived(trace)
    return packet


def sent(chain: Chain) -> str:
    """Who made the one ICMP error of a chain."""
    (trace,) = errors(chain)
    return trace.hops[0].device.removeprefix("device/")


def ended(chain: Chain) -> str:
    """Where the first packet ended."""
    return chain.traces[0].hops[-1].device.removeprefix("device/")
