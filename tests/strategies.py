"""Every hypothesis strategy of the test suite, a block for each room."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from dsflow.net.address import Address, Family, Prefix
from dsflow.net.assemble import assembled
from dsflow.net.checksum import internet_checksum
from dsflow.net.packet import Packet

# --- net: addresses, prefixes, packets ---------------------------------------------------------------------


def families() -> SearchStrategy[Family]:
    return st.sampled_from(Family)


def values(family: Family) -> SearchStrategy[int]:
    """Addresses of one family as integers, the edges of the space often."""
    highest = (1 << family.bits) - 1
    return st.integers(0, highest) | st.sampled_from([0, 1, highest])


def addresses() -> SearchStrategy[Address]:
    return families().flatmap(lambda family: st.builds(Address, st.just(family), values(family)))


def prefixes_of(family: Family) -> SearchStrategy[Prefix]:
    """Prefixes that nest and touch often: few bits vary."""
    few = st.integers(0, 31).map(lambda number: number << family.bits - 5 | number)
    address = (few | values(family)).map(lambda value: Address(family, value))
    return st.builds(Prefix.around, address, st.integers(0, family.bits))


def prefixes() -> SearchStrategy[Prefix]:
    return families().flatmap(prefixes_of)


def ports() -> SearchStrategy[int]:
    return st.integers(0, 0xFFFF)


def unicast_values(family: Family) -> SearchStrategy[int]:
    """Addresses that one host may have and that ICMP errors may be sent to."""
    if family is Family.IPV4:
        return st.integers(0x0100_0000, 0x7EFF_FFFF)
    return st.integers(1, (0xFF << 120) - 1)


_IPV4_OPTIONS = st.sampled_from([b"", b"\x94\x04\0\0", b"\x07\x07\x04\0\0\0\0\0", b"\x94\x04\0\0\x07\x03\x04\0"])
"""None; router alert (copied); record route (not copied); both."""

_TCP_OPTIONS = st.sampled_from([b"", b"\x02\x04\x05\xb4", b"\x02\x04\x05\xb4\x04\x02\x01\x03\x03\x07\x01\x01"])
"""None; MSS; MSS, selective acknowledgement and window scale."""

_PADDING = b"\x01\x04\0\0\0\0"  # a PadN option that fills an extension header of 8 bytes

_EXTENSIONS = st.lists(st.sampled_from([43, 60]), max_size=2).flatmap(
    lambda kinds: st.booleans().map(lambda first: ([0] if first else []) + kinds)
)


@st.composite
def tcp_messages(draw: st.DrawFn, payload: SearchStrategy[bytes]) -> tuple[tuple[int, int], bytes]:
    sport, dport = draw(ports()), draw(ports())
    options = draw(_TCP_OPTIONS)
    numbers = draw(st.binary(min_size=8, max_size=8))
    flags = draw(st.sampled_from([0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x00]))
    start = sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + numbers
    rest = bytes(((5 + len(options) // 4) << 4, flags)) + draw(st.binary(min_size=2, max_size=2)) + bytes(4)
    return (sport, dport), start + rest + options + draw(payload)


@st.composite
def udp_messages(draw: st.DrawFn, payload: SearchStrategy[bytes]) -> tuple[tuple[int, int], bytes]:
    sport, dport, data = draw(ports()), draw(ports()), draw(payload)
    words = (sport, dport, 8 + len(data), 0)
    return (sport, dport), b"".join(word.to_bytes(2, "big") for word in words) + data


@st.composite
def echo_messages(draw: st.DrawFn, family: Family, payload: SearchStrategy[bytes]) -> tuple[tuple[int, int], bytes]:
    kind = draw(st.sampled_from([8, 0] if family is Family.IPV4 else [128, 129]))
    identifier, sequence = draw(ports()), draw(ports())
    head = bytes((kind, 0, 0, 0)) + identifier.to_bytes(2, "big") + sequence.to_bytes(2, "big")
    return (identifier, identifier), head + draw(payload)


@st.composite
def packets(
    draw: st.DrawFn,
    families: SearchStrategy[Family] = families(),  # noqa: B008 - a strategy is a constant
    payload: SearchStrategy[bytes] = st.binary(max_size=64),  # noqa: B008 - a strategy is a constant
    plain: bool = False,
) -> Packet:
    """Well-formed TCP, UDP and echo packets with right checksums; unless ``plain`` with options too."""
    family = draw(families)
    messages = {
        6: tcp_messages(payload),
        17: udp_messages(payload),
        1 if family is Family.IPV4 else 58: echo_messages(family, payload),
    }
    protocol = draw(st.sampled_from(sorted(messages)))
    port_pair, message = draw(messages[protocol])
    packet = assembled(
        family,
        protocol,
        draw(unicast_values(family)),
        draw(unicast_values(family)),
        message,
        ports=port_pair,
        ttl=draw(st.integers(1, 255)),
        dont_fragment=draw(st.booleans()),
        traffic_class=draw(st.integers(0, 255)),
    )
    if plain:
        return packet
    if family is Family.IPV4:
        return with_ipv4_options(packet, draw(_IPV4_OPTIONS), identification=draw(ports()))
    return with_extensions(packet, draw(_EXTENSIONS))


def with_ipv4_options(packet: Packet, options: bytes, *, identification: int = 0) -> Packet:
    """The packet with IPv4 options (whole words of them) and an identification."""
    raw = packet.raw
    size = (len(raw) + len(options)).to_bytes(2, "big")
    start = bytes((raw[0] + len(options) // 4, raw[1])) + size + identification.to_bytes(2, "big") + raw[6:10]
    checksum = internet_checksum(start + raw[12:20] + options).to_bytes(2, "big")
    return Packet.parse(start + checksum + raw[12:20] + options + raw[20:])


def with_extensions(packet: Packet, kinds: list[int]) -> Packet:
    """The packet with IPv6 extension headers of 8 bytes that change nothing, in this order."""
    raw, chain = packet.raw, b""
    for kind in [*kinds[1:], packet.protocol] if kinds else []:
        own = kinds[len(chain) // 8]
        chain += bytes((kind, 0)) + (b"\xfd\0\0\0\0\0" if own == 43 else _PADDING)
    size = (len(raw) - 40 + len(chain)).to_bytes(2, "big")
    first = bytes((kinds[0] if kinds else packet.protocol,))
    return Packet.parse(raw[:4] + size + first + raw[7:40] + chain + raw[40:])


# --- end of net --------------------------------------------------------------------------------------------
