"""What a topology offers to aim at: addresses, ports and sizes at which something happens.  Pure."""

from __future__ import annotations

from random import Random

from dsflow.model.devices import DeviceInterface, GenericDevice, PacketMatch
from dsflow.model.topology import Topology
from dsflow.net.address import Address, Family, Prefix
from dsflow.net.ranges import PortRange

__all__ = ["Aims"]

_UNKNOWN = {
    Family.IPV4: (Prefix.parse("198.51.100.0/24"), Prefix.parse("203.0.113.0/24"), Prefix.parse("240.1.2.0/24")),
    Family.IPV6: (Prefix.parse("2001:db8:dead::/64"), Prefix.parse("fdee:dead::/64")),
}
"""Prefixes that scenarios seldom have: documentation space (RFC 5737, RFC 3849) and the like."""

_NO_HOST = {
    Family.IPV4: ("0.0.0.0", "127.0.0.1", "224.0.0.9", "255.255.255.255", "240.1.2.3"),  # noqa: S104 - no socket binds
    Family.IPV6: ("::", "::1", "fe80::1234", "fe80::5678", "ff02::1"),
}
"""Sources that no host of a network has."""

_AROUND = (-8, -1, 0, 1, 3, 4, 5, 8)
"""Sizes next to an MTU: those that fit, and those that a wire still takes or does not."""

_WORTH = {"device": 0.6, "nobody": 0.08, "edge": 0.08, "unknown": 0.08, "route": 0.1, "rule": 0.06}
_USUAL = ((32768, 60999), (1024, 32767), (512, 1023), (1, 511))
"""Source ports, by the classes within which translations draw."""


class Aims:
    """Draws destinations, sources, ports and sizes that lead somewhere in a topology."""

    def __init__(self, topology: Topology, random: Random) -> None:
        """Collect what there is to aim at; nothing is drawn yet."""
        self._random = random
        self._devices = tuple(topology.devices.values())
        self._matches = tuple(
            match
            for device in self._devices
            for match in (*(rule.match for rule in device.filters), *(rule.match for rule in device.nat))
        )
        self._routes = tuple(route.to for device in self._devices for route in device.routes if route.to.length)
        self._connected = tuple(
            entry.prefix
            for device in self._devices
            for interface in device.interfaces.values()
            for entry in interface.addresses
        )
        self._served = frozenset(listener.port for device in self._devices for listener in device.listen)
        self._mtus = sorted(
            {interface.mtu_bytes for device in self._devices for interface in _wired(device)}
            | {route.mtu_bytes for device in self._devices for route in device.routes if route.mtu_bytes}
        )

    def neighbours(self, device: GenericDevice, interface: str) -> list[DeviceInterface]:
        """The other interfaces on an interface's link."""
        own = device.interfaces[interface]
        return [
            other
            for one in self._devices
            for other in _wired(one)
            if other.link == own.link and (one is not device or other.name != interface)
        ]

    def destination(
        self, sender: GenericDevice, family: Family, interface: str | None
    ) -> tuple[GenericDevice | None, Address]:
        """Where to: a device's address, or one where something else happens; with the device that has it."""
        kind = self._random.choices(list(_WORTH), list(_WORTH.values()))[0]
        if kind != "device":
            address = self._elsewhere(kind, family)
            return self._owner(address), address
        others = [device for device in self._devices if device.addresses(family)]
        target = self._random.choice(others)
        if target is sender and interface is None and len(others) > 1:
            target = self._random.choice(others)  # a packet to oneself leaves no trace on a wire: seldom
        return target, self._random.choice(target.addresses(family))

    def _elsewhere(self, kind: str, family: Family) -> Address:
        connected = [prefix for prefix in self._connected if prefix.family is family]
        if kind == "edge" and connected:
            return self._edge(self._random.choice(connected))
        held = {
            "nobody": connected,
            "route": [prefix for prefix in self._routes if prefix.family is family],
            "rule": [match.dst for match in self._matches if match.dst is not None and match.dst.family is family],
        }.get(kind)
        prefix = self._random.choice(held or _UNKNOWN[family])
        return self._inside(prefix)

    def _edge(self, prefix: Prefix) -> Address:
        """The lowest or the highest address: a network and its broadcast, or the anycast of its routers."""
        value = prefix.first if prefix.family is Family.IPV6 else self._random.choice((prefix.first, prefix.last))
        return Address(prefix.family, value)

    def _inside(self, prefix: Prefix) -> Address:
        room = min(prefix.last - prefix.first, 0xFFFF)
        return Address(prefix.family, prefix.first + self._random.randint(0, room))

    def _owner(self, address: Address) -> GenericDevice | None:
        return next((device for device in self._devices if address in device.addresses(address.family)), None)

    def foreign_source(self, family: Family, *, odd: bool) -> Address:
        """A source that is not the sender's: another device's, nobody's, or (``odd``) one that no host has."""
        if odd and self._random.random() < 0.3:
            return Address.parse(self._random.choice(_NO_HOST[family]))
        owned = [address for device in self._devices for address in device.addresses(family)]
        if owned and self._random.random() < 0.6:
            return self._random.choice(owned)
        connected = [prefix for prefix in self._connected if prefix.family is family]
        return self._inside(self._random.choice([*connected, *_UNKNOWN[family]]))

    def ports(self, protocol: str, target: GenericDevice | None) -> tuple[int, int]:
        """Source and destination: ports that are served, that rules tell of, or any.

        A source port is never one that a daemon serves: two of them would answer each other for ever.
        """
        return self._sport(protocol), self._dport(protocol, target)

    def _sport(self, protocol: str) -> int:
        told = [match.sport for match in self._of(protocol) if match.sport is not None]
        if told and self._random.random() < 0.3:
            port = self._within(self._random.choice(told))
        else:
            port = self._random.randint(*self._random.choices(_USUAL, (6, 2, 1, 1))[0])
        return port if port not in self._served else self._random.randint(*_USUAL[0])

    def _dport(self, protocol: str, target: GenericDevice | None) -> int:
        served = [listener.port for listener in target.listen if listener.protocol == protocol] if target else []
        told = [match.dport for match in self._of(protocol) if match.dport is not None]
        if served and self._random.random() < 0.6:
            return self._random.choice(served)
        if told and self._random.random() < 0.5:
            return self._within(self._random.choice(told))
        return self._random.choice([*self._served, self._random.randint(1, 0xFFFF)])

    def _of(self, protocol: str) -> list[PacketMatch]:
        return [match for match in self._matches if match.protocol == protocol]

    def _within(self, ports: PortRange) -> int:
        return max(self._random.randint(ports.first, ports.last), 1)

    def size_bytes(self, sender: GenericDevice, interface: str | None) -> int | None:
        """A size next to one of the network's MTUs, mostly one that the sender's own allows; None for a small one."""
        if self._random.random() < 0.6:
            return None
        own = [one.mtu_bytes for one in _wired(sender) if interface in (None, one.name)]
        size = self._random.choice(self._mtus) + self._random.choice(_AROUND)
        if size > max(own) and self._random.random() < 0.9:
            size = self._random.randint(100, max(own))
        return size


def _wired(device: GenericDevice) -> list[DeviceInterface]:
    return [interface for interface in device.interfaces.values() if interface.link is not None]
