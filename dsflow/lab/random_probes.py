"""Probes drawn by a seed: of every kind that a Linux network treats in a way of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TypeVar

from dsflow.lab.aims import Aims
from dsflow.lab.cloud_machines import id_of, with_machines
from dsflow.lab.craft import Craft, crafted, echo, mended, segment, udp_datagram
from dsflow.lab.probe import Probe
from dsflow.model.devices import GenericDevice
from dsflow.model.topology import Topology
from dsflow.net.address import Address, Family, Prefix
from dsflow.net.fragment import fragment
from dsflow.net.packet import MalformedPacket, Packet
from dsflow.net.wire import ICMP, ICMPV6, TCP, UDP

__all__ = ["random_probes"]

_SYN, _ACK = 0x02, 0x10
_OPENING_SHARE = 0.65
_FLAGS = (0x12, 0x04, 0x14, 0x11, 0x10, 0x00, 0x03, 0x18, 0x29, 0x01, 0x06)
"""SYN-ACK, RST, RST-ACK, FIN-ACK, ACK, none, SYN-FIN, PSH-ACK, FIN-PSH-URG, FIN, SYN-RST."""

_OTHER_PROTOCOLS = (47, 50, 89, 99, 253)
"""Protocols that no socket or module here takes; those with readers of their own in the kernel are left out."""

_RESERVED = Prefix.parse("240.0.0.0/4")

_WIRE_SHARE = 0.25
_MALFORMED_SHARE = 0.3
"""Of the probes put straight onto a wire."""

_LONGEST_SPOILED_BYTES = 500
"""Fits every wire with what is added to it: a packet that is refused for its size shows nothing else."""

T = TypeVar("T")


def random_probes(topology: Topology, count: int, *, seed: int = 0, family: Family | None = None) -> list[Probe]:
    """So many probes between a topology's machines, the same for the same seed.

    Parameters
    ----------
    family
        Of all probes; both in turn when left out.
    """
    random = Random(f"{topology.name}/{seed}/{family}")  # noqa: S311 - probes are drawn to be repeatable, not secret
    everybody = with_machines(topology)
    aims = Aims(everybody, random)
    order = list(Family) if family is None else [family]
    senders = {one: [device for device in everybody.devices.values() if _speaks(device, one)] for one in order}
    order = [one for one in order if senders[one]]
    if not order:
        return []
    return [_probe(aims, random, order[number % len(order)], senders) for number in range(count)]


def _speaks(device: GenericDevice, family: Family) -> bool:
    wired = (interface for interface in device.interfaces.values() if interface.link is not None)
    return any(interface.in_family(family) for interface in wired)


def _probe(aims: Aims, random: Random, family: Family, senders: dict[Family, list[GenericDevice]]) -> Probe:
    device = random.choice(senders[family])
    interface = _wire(aims, random, device) if random.random() < _WIRE_SHARE else None
    craft = _drawn(aims, random, device, family, interface)
    while device.name == id_of(device) and (craft.protocol in _OTHER_PROTOCOLS or craft.dst in _RESERVED):
        craft = _drawn(aims, random, device, family, interface)  # neither is modelled for the cloud's machines
    spoil = interface is not None and random.random() < _MALFORMED_SHARE
    size = aims.size_bytes(device, interface)
    if size is not None:
        craft = _resized(craft, min(size, _LONGEST_SPOILED_BYTES) if spoil else size)
    raw = _packet(random, craft, spoil=spoil)
    return Probe(device=id_of(device), packet=raw, interface=interface)


def _drawn(aims: Aims, random: Random, device: GenericDevice, family: Family, interface: str | None) -> Craft:
    """A packet to somewhere, from the device or in another's name."""
    target, destination = aims.destination(device, family, interface)
    return _craft(aims, random, target, _source(aims, random, device, family, interface), destination)


def _wire(aims: Aims, random: Random, device: GenericDevice) -> str | None:
    """One of the device's interfaces with somebody else on the link."""
    names = [name for name, one in device.interfaces.items() if one.link is not None and aims.neighbours(device, name)]
    return random.choice(names) if names else None


def _source(aims: Aims, random: Random, device: GenericDevice, family: Family, interface: str | None) -> Address:
    """The sender's own address mostly; else one of another device, of nobody, or one that no host can have."""
    foreign = 0.1 if interface is None else 0.4
    if random.random() < foreign:
        return aims.foreign_source(family, odd=interface is not None)
    return random.choice(device.addresses(family))


def _craft(aims: Aims, random: Random, target: GenericDevice | None, src: Address, dst: Address) -> Craft:
    protocol, message = _message(aims, random, target, dst.family)
    return Craft(
        src=src,
        dst=dst,
        protocol=protocol,
        message=message,
        ttl=_ttl(random),
        dont_fragment=random.random() < 0.5,
        identification=random.choice((0, random.randint(1, 0xFFFF), random.randint(1, 0xFFFF))),
        tos=random.choice((0, 0, 0, 0x10, 0xB8, 0x03)),
        flow_label=random.choice((0, 0, random.randrange(1 << 20))),
    )


def _ttl(random: Random) -> int:
    """Mostly enough; else used up on the way, at the start, or as much as there can be."""
    return random.choices((64, random.randint(1, 5), 0, 255), (74, 20, 2, 4))[0]


def _weighted(random: Random, choices: tuple[tuple[float, Callable[[], T]], ...]) -> T:
    """One of some values, each made only when it is chosen."""
    weights = [weight for weight, _ in choices]
    return random.choices([make for _, make in choices], weights)[0]()


def _message(aims: Aims, random: Random, target: GenericDevice | None, family: Family) -> tuple[int, bytes]:
    ping = ICMP if family is Family.IPV4 else ICMPV6
    return _weighted(
        random,
        (
            (0.38, lambda: (UDP, udp_datagram(*aims.ports("udp", target), random.randint(1, 64)))),
            (0.32, lambda: (TCP, _segment(aims, random, target))),
            (0.2, lambda: (ping, echo(family, random.randint(1, 0xFFFF), 1, random.randint(0, 64)))),
            (0.03, lambda: (ping, echo(family, random.randint(1, 0xFFFF), 1, 8, reply=True))),
            (0.07, lambda: (random.choice(_OTHER_PROTOCOLS), random.randbytes(random.randint(8, 64)))),
        ),
    )


def _segment(aims: Aims, random: Random, target: GenericDevice | None) -> bytes:
    flags = _SYN if random.random() < _OPENING_SHARE else random.choice(_FLAGS)
    acknowledged = random.randrange(1, 1 << 32) if flags & _ACK else 0
    return segment(*aims.ports("tcp", target), flags, random.randrange(1 << 32), acknowledged)


def _resized(craft: Craft, size_bytes: int) -> Craft:
    """The same with so much payload that the packet has this size; a SYN stays empty."""
    header = 20 if craft.dst.family is Family.IPV4 else 40
    room = size_bytes - header - len(craft.message)
    if room <= 0 or craft.protocol == TCP:
        return craft
    message = craft.message + bytes(number & 0xFF for number in range(room))
    if craft.protocol == UDP:
        message = message[:4] + len(message).to_bytes(2, "big") + message[6:]
    return replace(craft, message=message)


def _packet(random: Random, craft: Craft, *, spoil: bool) -> bytes:
    """The bytes; sometimes a lone fragment, a packet without a checksum, or with one that does not hold."""
    raw = crafted(craft)
    if spoil:
        return _spoiled(random, craft, raw)
    if craft.protocol == UDP and random.random() < 0.05:
        return crafted(craft, sums=False)
    if random.random() < 0.03 and len(craft.message) > 16:
        return _one_piece(random, raw)
    return raw


def _one_piece(random: Random, raw: bytes) -> bytes:
    """A fragment without its fellows."""
    try:
        packet = Packet.parse(raw)
        pieces = fragment(packet, len(raw) - 8, identification=random.randrange(1 << 32))
    except (MalformedPacket, ValueError):
        return raw
    return random.choice(pieces).raw


def _spoiled(random: Random, craft: Craft, raw: bytes) -> bytes:
    """A packet that a kernel refuses, or one that only its destination refuses."""
    kinds = [_cut_short, _wrong_version, _too_long, _with_trailer, _bad_upper_checksum]
    if craft.dst.family is Family.IPV4:
        kinds += [_bad_header_checksum, _short_header]
    return random.choice(kinds)(random, raw)


def _cut_short(random: Random, raw: bytes) -> bytes:
    return raw[: random.randint(1, len(raw) - 1)]


def _wrong_version(random: Random, raw: bytes) -> bytes:
    return bytes((random.choice((0x55, 0x05, 0x75)),)) + raw[1:]


def _too_long(_random: Random, raw: bytes) -> bytes:
    """The header tells of more bytes than there are."""
    if raw[0] >> 4 == 6:
        return raw[:4] + (len(raw) - 40 + 16).to_bytes(2, "big") + raw[6:]
    return mended(raw[:2] + (len(raw) + 16).to_bytes(2, "big") + raw[4:])


def _with_trailer(_random: Random, raw: bytes) -> bytes:
    """More bytes than the header tells of, as from a link that pads."""
    return raw + bytes(6)


def _bad_upper_checksum(random: Random, raw: bytes) -> bytes:
    """Some byte behind the header changed."""
    at = random.randrange(20 if raw[0] >> 4 == 4 else 40, len(raw))
    return raw[:at] + bytes((raw[at] ^ 0x5A,)) + raw[at + 1 :]


def _bad_header_checksum(_random: Random, raw: bytes) -> bytes:
    return raw[:10] + bytes((raw[10] ^ 0x11,)) + raw[11:]


def _short_header(_random: Random, raw: bytes) -> bytes:
    return mended(bytes((0x44,)) + raw[1:])
