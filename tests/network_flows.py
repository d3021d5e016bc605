"""Packets to send through a generated network: mostly between its own addresses, some to where nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network
from random import Random
from typing import NamedTuple

from dsflow import Simulation
from dsflow.net.address import Family
from dsflow.net.assemble import assembled
from dsflow.trace.chain import Chain
from tests.network_features import IPV6_LEAST_MTU_BYTES, USUAL_MTU_BYTES, Data

P_HOST_TO_HOST = 0.6
P_DOOR, P_STRANGER = 0.15, 0.2
TTLS = (*[64] * 9, 255, 1, 2, 3, 8)
P_OPEN_PORT = 0.6
PAYLOADS_BYTES = (0, *[32] * 9, 500, 1241, 1400, 1473, 4000)
PORTS = (22, 53, 80, 123, 443, 4500, 5353, 8080, 9)
OPEN_PORTS = {6: (22, 80, 443), 17: (53, 123, 4500)}
TCP_FLAGS = (0x02, 0x02, 0x02, 0x02, 0x12, 0x10, 0x04, 0x11, 0x00)
"""A SYN mostly; SYN-ACK, ACK, RST, FIN-ACK, and none."""

STRANGERS = {
    4: ("203.0.113.9", "192.0.2.77", "10.1.0.200", "10.1.224.1", "198.18.208.9", "100.64.16.99"),
    6: ("2001:db8:dead::9", "2001:db8:ffff::1", "fd00:1::77", "fd00:1:0:d0::9", "2600:db8:9:e0::1"),
}


class Sent(NamedTuple):
    """A packet and the device that sends it."""

    device: str
    packet: bytes

    def through(self, simulation: Simulation) -> Chain:
        """What becomes of it."""
        return simulation.send(f"device/{self.device}", self.packet)


class _Target(NamedTuple):
    """Where a packet goes; protocol and port are drawn where None."""

    address: str
    protocol: int | None = None
    dport: int | None = None


def sent_packets(data: Data, random: Random, count: int) -> Iterator[Sent]:
    """Well-formed packets of both families, three protocols, many sizes, by devices that have the family."""
    owned = {name: _addresses(device) for name, device in data["devices"].items()}
    hosts = [name for name in owned if name.startswith("h") and owned[name]]
    doors = list(_doors(data))
    for _ in range(count):
        inside = random.random() < P_HOST_TO_HOST and len(hosts) > 1
        device = random.choice(hosts if inside else [name for name in owned if owned[name]])
        own = random.choice(owned[device])
        others = [entry for name in (hosts if inside else owned) for entry in owned[name] if name != device]
        targets = [_Target(str(entry.ip)) for entry in others if entry.version == own.version]
        odd = random.random()
        if odd < P_DOOR:
            targets = [door for door in doors if ip_address(door.address).version == own.version] or targets
        elif odd < P_DOOR + P_STRANGER or not targets:
            odd_ones = [*STRANGERS[own.version], *_near(others, own.version), *_routed(data, own.version)]
            targets = [_Target(text) for text in odd_ones]
        if targets:
            yield Sent(device, _packet(random, str(own.ip), random.choice(targets)))


def _doors(data: Data) -> Iterator[_Target]:
    """What the networks' translations of destinations wait for."""
    for device in data["devices"].values():
        for rule in device.get("nat", []):
            if rule["action"] == "dnat":
                protocol = {"tcp": 6, "udp": 17}.get(rule.get("protocol", ""))
                yield _Target(rule["to"].partition("/")[0], protocol, rule.get("dport"))


def _near(others: list[IPv4Interface | IPv6Interface], version: int) -> list[str]:
    """Addresses that nobody has, in prefixes that somebody has."""
    wide = [entry.network for entry in others if entry.version == version and entry.network.num_addresses > 64]
    return [str(ip_address(int(network.network_address) + 60)) for network in map(ip_network, wide)]


def _routed(data: Data, version: int) -> list[str]:
    """An address in each prefix that some route is about."""
    prefixes = [ip_network(route["to"]) for device in data["devices"].values() for route in device.get("routes", [])]
    some = [network for network in prefixes if network.version == version and network.prefixlen > 0]
    return [str(network[min(9, network.num_addresses - 1)]) for network in some]


def _addresses(device: Data) -> list[IPv4Interface | IPv6Interface]:
    """The addresses that the device sends from: of the families that run."""
    return [
        entry
        for interface in device["interfaces"].values()
        for entry in map(ip_interface, interface["addresses"])
        if entry.version == 4 or interface.get("mtu", USUAL_MTU_BYTES) >= IPV6_LEAST_MTU_BYTES
    ]


def _packet(random: Random, src: str, target: _Target) -> bytes:
    one, other = ip_address(src), ip_address(target.address)
    family = Family.IPV4 if one.version == 4 else Family.IPV6
    protocol = target.protocol or random.choice((6, 17, 17, 1 if one.version == 4 else 58))
    known = OPEN_PORTS.get(protocol, PORTS) if random.random() < P_OPEN_PORT else PORTS
    sport, dport = random.choice((40000, 40000, 666, 2222)), target.dport or random.choice(known)
    payload = bytes(random.choice(PAYLOADS_BYTES))
    if protocol == 6:
        payload = b"" if len(payload) < 500 else payload
    messages = {
        6: _words(sport, dport, 0, 0, 0, 0, 0x5000 | random.choice(TCP_FLAGS), 64240, 0, 0),
        17: _words(sport, dport, 8 + len(payload), 0),
        1: _words(0x0800, 0, 1, 1),
        58: _words(0x8000, 0, 1, 1),
    }
    ports = (sport, dport) if protocol in (6, 17) else (1, 1)
    return assembled(
        family,
        protocol,
        int(one),
        int(other),
        messages[protocol] + payload,
        ports=ports,
        ttl=random.choice(TTLS),
        dont_fragment=random.random() < 0.4,
    ).raw


def _words(*words: int) -> bytes:
    return b"".join(word.to_bytes(2, "big") for word in words)
