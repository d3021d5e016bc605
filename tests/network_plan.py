"""The plan of a generated network: who is on which wire, with which addresses and MTUs.

Wire number ``k`` owns the ``k``-th /20 and /60 of the network's own space; numbers from 8 on belong to no wire and
serve as addresses of ``lo``, as addresses that only a translation knows, and as destinations that nobody has.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_interface, ip_network
from itertools import combinations
from random import Random
from typing import Any

Data = dict[str, Any]
Network = IPv4Network | IPv6Network
Interface = IPv4Interface | IPv6Interface

MOST_WIRES = 8
HIDDEN_BLOCK, LOOPBACK_BLOCK, LOOP_BLOCK, NOBODYS_BLOCK = 11, 12, 13, 14
IPV6_LEAST_MTU_BYTES = 1280

P_CORE_SEGMENT = 0.25
P_SECOND_WAY = 0.35
P_HOST_SEGMENT = 0.5
P_SECOND_ROUTER = 0.4
P_SINGLE_FAMILY_WIRE = 0.07
P_SINGLE_FAMILY_HOST = 0.1
P_SINGLE_FAMILY_ROUTER = 0.05
P_MTU_MISMATCH = 0.2
P_WIDE = 0.3
P_SECOND_PREFIX = 0.15
P_EXTRA_ADDRESS = 0.12
P_LO_ADDRESS = 0.35
P_LISTENING_HOST, P_LISTENING_ROUTER = 0.9, 0.35
RP_FILTERS = ("off", "off", "off", "off", "off", "strict", "loose")
MTUS_BYTES = (*[1500] * 9, 9000, 9000, 4000, 1480, 1400, 1400, 1300, 1280, 1280, 1006, 576)
PORTS = ("tcp/22", "tcp/80", "tcp/443", "udp/53", "udp/123", "udp/4500")
SPACES = {
    4: ("10.1.0.0/16", "10.200.0.0/16", "172.20.0.0/16", "192.168.0.0/16", "100.64.0.0/16", "198.18.0.0/16"),
    6: ("fd00:1::/48", "fd12:3456:789a::/48", "2001:db8:7::/48", "2600:db8:9::/48"),
}
"""Private, shared and benchmarking space in IPv4; unique local and global in IPv6."""

BLOCK_LENGTH = {4: 20, 6: 60}
USUAL_LENGTH = {4: 24, 6: 64}
PAIR_LENGTHS = {4: (24, 24, 29, 30, 31), 6: (64, 64, 64, 126, 127)}


@dataclass(eq=False)
class Port:
    """A device's interface on a wire; ``own`` is its first address in each family."""

    device: str
    interface: str
    wire: Wire
    mtu_bytes: int
    own: dict[int, Interface] = field(default_factory=dict)
    more: list[Interface] = field(default_factory=list)

    def carries(self, family: int) -> bool:
        """Whether packets of the family may be routed by way of it."""
        return family in self.own and self.wire.carries(family)

    @property
    def addresses(self) -> list[Interface]:
        """All, as written."""
        return [*self.own.values(), *self.more]


@dataclass(eq=False)
class Wire:
    """A point-to-point link, or a segment where it has more than two ports."""

    name: str
    number: int
    prefixes: dict[int, Network] = field(default_factory=dict)
    second: Network | None = None
    ports: list[Port] = field(default_factory=list)

    def carries(self, family: int) -> bool:
        """IPv6 needs an MTU of 1280 at each end."""
        wide_enough = all(port.mtu_bytes >= IPV6_LEAST_MTU_BYTES for port in self.ports)
        return family in self.prefixes and (family == 4 or wide_enough)

    def networks(self, family: int) -> list[Network]:
        """Every prefix of the family that is on-link here."""
        every = [self.prefixes.get(family), self.second]
        return [network for network in every if network is not None and network.version == family]


@dataclass(eq=False)
class Plan:
    """A network in the making: the scenario's data beside what its makers must know."""

    random: Random
    spaces: dict[int, list[Network]]
    routers: list[str]
    hosts: list[str]
    wires: list[Wire] = field(default_factory=list)
    forwards: dict[str, frozenset[int]] = field(default_factory=dict)
    loopback: dict[str, list[Interface]] = field(default_factory=dict)
    hidden: dict[str, list[Network]] = field(default_factory=dict)
    devices: dict[str, Data] = field(default_factory=dict)

    def ports(self, device: str, family: int | None = None) -> list[Port]:
        """The interfaces of a device, or those that carry the family."""
        every = [port for wire in self.wires for port in wire.ports if port.device == device]
        return [port for port in every if family is None or port.carries(family)]

    def near(self, device: str, family: int) -> Iterator[tuple[Port, Port]]:
        """The device's port and the other's, for every other device on its wires."""
        for port in self.ports(device, family):
            for other in port.wire.ports:
                if other is not port and other.carries(family):
                    yield port, other

    def neighbours(self, device: str, family: int) -> Iterator[tuple[Port, Port]]:
        """The same for each router that it can send through."""
        return ((port, other) for port, other in self.near(device, family) if family in self.forwards[other.device])

    def ways(self, device: str, family: int) -> dict[str, tuple[Port, Port]]:
        """The first step of a shortest way to each router, nearest first."""
        found: dict[str, tuple[Port, Port]] = {}
        waiting = deque([device])
        while waiting:
            at = waiting.popleft()
            for port, other in self.neighbours(at, family):
                if other.device != device and other.device not in found:
                    found[other.device] = found.get(at, (port, other))
                    waiting.append(other.device)
        return found

    def addresses(self, device: str, family: int) -> list[Interface]:
        """What the device can be reached by, where the family runs."""
        own = [entry for port in self.ports(device, family) for entry in port.addresses]
        return [entry for entry in [*own, *self.loopback.get(device, [])] if entry.version == family]

    def block(self, family: int, number: int) -> Network:
        """One of the blocks of the network's space, in either space where there are two."""
        return _part(self.random.choice(self.spaces[family]), BLOCK_LENGTH[family], number)

    def nobodys(self, family: int) -> Network:
        """A prefix that no wire has."""
        block = self.block(family, self.random.choice((NOBODYS_BLOCK, NOBODYS_BLOCK + 1)))
        return _part(block, block.max_prefixlen - self.random.choice((0, 4, 8)), self.random.randrange(1, 8))


def _part(network: Network, length: int, number: int) -> Network:
    size = 1 << network.max_prefixlen - length
    return ip_network((int(network.network_address) + number * size, length))


def planned(random: Random) -> Plan:
    """Two to four routers and two to five hosts on wires, all with addresses, and none with routes yet."""
    routers = [f"r{number}" for number in range(random.randint(2, 4))]
    hosts = [f"h{number}" for number in range(random.randint(2, 5))]
    spaces = {4: random.sample(SPACES[4], random.choice((1, 1, 2))), 6: random.sample(SPACES[6], random.choice((1, 2)))}
    plan = Plan(random, {key: [ip_network(text) for text in texts] for key, texts in spaces.items()}, routers, hosts)
    for device in routers:
        plan.forwards[device] = _forwarding(random)
    plan.forwards |= dict.fromkeys(hosts, frozenset())
    for number, members in enumerate(_members(random, routers, hosts)):
        plan.wires.append(_wire(plan, number, members))
    _nest(plan)
    for wire in plan.wires:
        _give_addresses(plan, wire)
    for device in routers:
        if random.random() < P_LO_ADDRESS:
            plan.loopback[device] = _loopback(plan, len(plan.loopback))
    plan.devices = {device: _device(plan, device) for device in [*routers, *hosts]}
    return plan


def _forwarding(random: Random) -> frozenset[int]:
    return frozenset({random.choice((4, 6))} if random.random() < P_SINGLE_FAMILY_ROUTER else {4, 6})


# --- who is on which wire ------------------------------------------------------------------------------------


def _members(random: Random, routers: list[str], hosts: list[str]) -> list[list[str]]:
    core = _core(random, routers)
    wires, waiting = list(core), list(hosts)
    while waiting:
        room = MOST_WIRES - len(wires)
        at = random.choice(routers)
        if len(waiting) > 1 and (room == 1 or random.random() < P_HOST_SEGMENT):
            size = len(waiting) if room == 1 else random.randint(2, min(3, len(waiting)))
            others = [name for name in routers if name != at]
            second = [random.choice(others)] if size <= 3 and random.random() < P_SECOND_ROUTER else []
            wires.append([at, *second] + [waiting.pop(0) for _ in range(size)])
        else:
            wires.append([at, waiting.pop(0)])
    return wires


def _core(random: Random, routers: list[str]) -> list[list[str]]:
    """A tree, perhaps with a segment of three in it, and now and then a second way."""
    first = 3 if len(routers) > 2 and random.random() < P_CORE_SEGMENT else 1
    wires = [routers[:first]] if first > 1 else []
    wires += [[random.choice(routers[:number]), routers[number]] for number in range(first, len(routers))]
    apart = [list(pair) for pair in combinations(routers, 2) if not any(set(pair) <= set(wire) for wire in wires)]
    if apart and random.random() < P_SECOND_WAY:
        wires.append(random.choice(apart))
    return wires


# --- addresses and MTUs --------------------------------------------------------------------------------------


def _wire(plan: Plan, number: int, members: list[str]) -> Wire:
    random, wire = plan.random, Wire(f"l{number}", number)
    mtu_bytes = random.choice(MTUS_BYTES)
    for device in members:
        interface = f"e{len(plan.ports(device))}"
        wire.ports.append(Port(device, interface, wire, mtu_bytes))
    if random.random() < P_MTU_MISMATCH:
        random.choice(wire.ports).mtu_bytes = random.choice(MTUS_BYTES)
    kept = (random.choice((4, 6)),) if random.random() < P_SINGLE_FAMILY_WIRE else (4, 6)
    for family in kept:
        length = random.choice(PAIR_LENGTHS[family]) if len(members) == 2 else USUAL_LENGTH[family]
        wire.prefixes[family] = _part(plan.block(family, number), length, 0)
    if random.random() < P_SECOND_PREFIX:
        family = random.choice(kept)
        wire.second = _part(plan.block(family, number), USUAL_LENGTH[family], 3)
    return wire


def _nest(plan: Plan) -> None:
    """One wire's prefix becomes so wide that another's lies within."""
    if plan.random.random() > P_WIDE:
        return
    wide, narrow = plan.random.sample(plan.wires, 2)
    for family in (4, 6):
        if family in wide.prefixes and family in narrow.prefixes:
            wide.prefixes[family] = wide.prefixes[family].supernet(new_prefix=BLOCK_LENGTH[family])
            if wide.second is not None and wide.second.version == family:
                wide.second = None
            length = narrow.prefixes[family].prefixlen
            inner = _part(wide.prefixes[family], USUAL_LENGTH[family], 7)
            narrow.prefixes[family] = _part(inner, length, 0)


def _give_addresses(plan: Plan, wire: Wire) -> None:
    random = plan.random
    for place, port in enumerate(wire.ports, start=1):
        kept = list(wire.prefixes)
        if port.device in plan.hosts and len(kept) == 2 and random.random() < P_SINGLE_FAMILY_HOST:
            kept = [random.choice(kept)]
        for family in kept:
            port.own[family] = _numbered(wire.prefixes[family], place)
            if random.random() < P_EXTRA_ADDRESS and wire.prefixes[family].num_addresses > 32:
                port.more.append(_numbered(wire.prefixes[family], place + 20))
        if wire.second is not None and wire.second.version in kept:
            port.more.append(_numbered(wire.second, place))


def _numbered(network: Network, place: int) -> Interface:
    """The ``place``-th address; of two that are a prefix of their own, the first is the network's."""
    offset = place - 1 if network.num_addresses == 2 else place
    return ip_interface((int(network.network_address) + offset, network.prefixlen))


def _loopback(plan: Plan, number: int) -> list[Interface]:
    families = plan.random.choice(((4,), (6,), (4, 6), (4, 6)))
    blocks = [plan.block(family, LOOPBACK_BLOCK) for family in families]
    return [ip_interface((int(block.network_address) + number + 1, block.max_prefixlen)) for block in blocks]


# --- as scenario data ----------------------------------------------------------------------------------------


def _device(plan: Plan, name: str) -> Data:
    random, data = plan.random, _forwarding_text(plan, name)
    data["interfaces"] = {port.interface: _interface(random, port) for port in plan.ports(name)}
    if name in plan.loopback:
        data["interfaces"]["lo"] = {"addresses": [str(entry) for entry in plan.loopback[name]]}
    if (mode := random.choice(RP_FILTERS)) != "off" or random.random() < 0.2:
        data["rp_filter"] = mode
    if random.random() < (P_LISTENING_HOST if name in plan.hosts else P_LISTENING_ROUTER):
        data["listen"] = sorted(random.sample(PORTS, random.randint(1, 4)))
    return data


def _forwarding_text(plan: Plan, name: str) -> Data:
    families = plan.forwards[name]
    if len(families) == 1:
        return {"forwarding": {f"ipv{family}": family in families for family in (4, 6)}}
    return {"forwarding": True} if families else {}


def _interface(random: Random, port: Port) -> Data:
    written: Data = {"link": port.wire.name}
    if port.mtu_bytes != 1500 or random.random() < 0.2:
        written["mtu"] = port.mtu_bytes
    return written | {"addresses": [str(entry) for entry in port.addresses]}
