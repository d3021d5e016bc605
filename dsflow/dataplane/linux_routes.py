"""The routes of a generic device: connected and written, its own addresses, and who answers on a link."""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.dataplane.action import Action, Deliver, Drop, Forward, IcmpError, Neighbor, Rule, ToOwner
from dsflow.dataplane.common import LINK_LOCAL, not_forwarding, own_addresses
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.sources import IcmpSources, Ipv6Source, Lookup, OwnAddress, OwnAddresses
from dsflow.dataplane.wiring import Wiring, nobody
from dsflow.model.devices import DeviceInterface, DeviceRoute, GenericDevice, RouteType
from dsflow.net.address import Family, Prefix
from dsflow.net.lpm import LongestPrefixTable

__all__ = ["LinuxRoutes", "own_addresses_of"]

_CONNECTED_METRIC = {Family.IPV4: 0, Family.IPV6: 256}
_DEFAULT_METRIC = {Family.IPV4: 0, Family.IPV6: 1024}
_LOOPBACK = "lo"

_Rows = dict[Prefix, Action]


def own_addresses_of(device: GenericDevice) -> OwnAddresses:
    """The addresses among which the device chooses its sources."""
    return OwnAddresses(
        {
            family: {
                interface.name: tuple(
                    OwnAddress(entry.address.value, entry.prefix) for entry in interface.in_family(family)
                )
                for interface in device.interfaces.values()
            }
            for family in Family
        }
    )


class LinuxRoutes:
    """The routing tables of one device: *local* and *main*, flattened to one for each family and way."""

    def __init__(self, device: GenericDevice, wiring: Wiring) -> None:
        self._device = device
        self._wiring = wiring
        self._own = own_addresses_of(device)
        self._main = {family: self._main_rows(family) for family in Family}

    def arriving(self, family: Family) -> LongestPrefixTable[Action]:
        """What does not route is silent, but for IPv6's own refusals: they come first (ip6_pkt_discard)."""
        if family in self._device.forwarding:
            return _table(family, self._main[family] | self._local_rows(family), NO_ROUTE)
        stays = not_forwarding(self._device.id)
        if family is Family.IPV4:
            return _table(family, self._local_rows(family), stays)
        refused = {
            prefix: action if isinstance(action, Drop) else stays for prefix, action in self._main[family].items()
        }
        return _table(family, refused | self._local_rows(family), NO_ROUTE)

    def arriving_by(self, interface: DeviceInterface) -> LongestPrefixTable[Action] | None:
        """The IPv6 table of a translator's interface, where translation can lead a packet to a link-local address.

        Such an address is looked for on the link that the packet came from (ip6_route_input, RT6_LOOKUP_F_IFACE),
        where nobody in the model has it.  None where the common table serves.
        """
        family = Family.IPV6
        if not (self._device.nat and family in self._device.forwarding and interface.carries(family)):
            return None
        rule = Rule(reason=f"{{dst}} is link-local: it is looked for on the link of {interface.name}")
        rows: _Rows = {LINK_LOCAL: Forward(rule, nobody(interface), unresolved=_NO_NEIGHBOR)}
        return _table(family, self._main[family] | self._local_rows(family) | rows, NO_ROUTE)

    def leaving(self, family: Family) -> LongestPrefixTable[Action]:
        """As for what arrives, but that a socket does not send to all unless it asks for that (socket(7))."""
        special: _Rows = {LINK_LOCAL: _STRANGER_ON_LINK}
        if family is Family.IPV4:
            special = {_host(family, value): _NO_BROADCAST for value in self.broadcasts()}
        special |= {prefix: Deliver(_ITSELF) for prefix in _LOOPBACKS if prefix.family is family}
        return _table(family, self._main[family] | self._local_rows(family) | special, NO_ROUTE)

    def back(self, family: Family) -> LongestPrefixTable[Action]:
        """The table by which sources are looked up."""
        return _table(family, self._main[family] | self._local_rows(family), NO_ROUTE)

    def behind(self, interface: str) -> LongestPrefixTable[Action]:
        """The IPv4 rows that lead out by one interface."""
        rows: _Rows = {
            prefix: action
            for prefix, action in self._main[Family.IPV4].items()
            if isinstance(action, Forward | ToOwner) and _way_out(action) == interface
        }
        return _table(Family.IPV4, rows, NO_ROUTE)

    def broadcasts(self) -> frozenset[int]:
        """The IPv4 broadcast addresses of the device's links (RFC 919), and that of any link."""
        entries = self._entries(Family.IPV4)
        directed = frozenset(entry.prefix.last for entry in entries if entry.prefix.length < 31)
        return directed | {0xFFFF_FFFF}

    def anycast(self) -> frozenset[int]:
        """The addresses that a router shares with those of its subnets (RFC 4291 section 2.6.1).

        Not of a /127 (RFC 6164 section 5.1), nor where it is an address of its own.
        """
        family = Family.IPV6
        if family not in self._device.forwarding:
            return frozenset()
        own = {address.value for address in self._device.addresses(family)}
        return frozenset(entry.prefix.first for entry in self._entries(family) if entry.prefix.length < 127) - own

    def icmp_sources(self) -> IcmpSources:
        """From where senders are told.

        IPv4: from where a packet to them would be sent (icmp_route_lookup).  IPv6: from an address of the
        interface that the packet came in by, unless the route to the sender names another (icmp6_send).
        """
        by_route = {
            prefix: source
            for prefix, action in self._main[Family.IPV4].items()
            if (source := self._source_of(action)) is not None
        }
        ipv4: dict[str | None, Lookup] = {None: LongestPrefixTable(by_route.items())}
        preferred = LongestPrefixTable(
            (prefix, action.source if isinstance(action, Forward | ToOwner) else None)
            for prefix, action in self._main[Family.IPV6].items()
        )
        ipv6: dict[str | None, Lookup] = {
            name: Ipv6Source(preferred, self._own.ipv6(name)) for name in self._device.interfaces
        }
        return {Family.IPV4: ipv4, Family.IPV6: ipv6}

    def _source_of(self, action: Action) -> int | None:
        if not isinstance(action, Forward | ToOwner):
            return None
        if action.source is not None:
            return action.source
        interface = action.neighbor.out_interface if isinstance(action, Forward) else action.out_interface
        assert interface is not None
        toward = action.next_hop if isinstance(action, Forward) else None
        return self._own.ipv4(interface, -1 if toward is None else toward)

    def _main_rows(self, family: Family) -> _Rows:
        """The written and the connected routes: of two for one prefix the one of lower metric."""
        best: dict[Prefix, tuple[int, Action]] = {}
        for metric, prefix, action in [*self._connected(family), *self._written(family)]:
            if prefix not in best or metric < best[prefix][0]:
                best[prefix] = metric, action
        return {prefix: action for prefix, (_, action) in best.items()}

    def _connected(self, family: Family) -> Iterator[tuple[int, Prefix, Action]]:
        for interface in self._device.interfaces.values():
            if interface.name == _LOOPBACK:
                continue
            for entry in interface.in_family(family):
                if entry.prefix.length == family.bits:
                    continue
                rule = Rule(reason=f"{{dst}} is on the link of {interface.name} ({entry.prefix})")
                source = entry.address.value if family is Family.IPV4 else None
                yield _CONNECTED_METRIC[family], entry.prefix, self._on_link(interface, family, rule, source=source)

    def _written(self, family: Family) -> Iterator[tuple[int, Prefix, Action]]:
        for number, route in enumerate(self._device.routes, start=1):
            if route.to.family is family:
                action = self._route(number, route)
                if action is not None:
                    metric = _DEFAULT_METRIC[family] if route.metric is None else route.metric
                    yield metric, route.to, action

    def _route(self, number: int, route: DeviceRoute) -> Action | None:
        """The row of a written route; None where its interface does not run the family."""
        family = route.to.family
        words = f"the longest match for {{dst}} in the table of {self._device.id} is {route.to}"
        name = f"{self._device.id}/routes#{number}"
        if route.type is not RouteType.UNICAST:
            rule = Rule(id=name, reason=f"{words}, {route.type}", source=route.source)
            return Drop(rule, *_SPECIAL[route.type])
        assert route.interface is not None, "the builder fills in the interface"
        interface = self._device.interfaces[route.interface]
        if not interface.carries(family):
            return None
        source = None if route.source_address is None else route.source_address.value
        if route.via is None:
            rule = Rule(id=name, reason=f"{words}, on the link of {interface.name}", source=route.source)
            return self._on_link(interface, family, rule, source=source, mtu_bytes=route.mtu_bytes)
        rule = Rule(id=name, reason=f"{words}, via {route.via}", source=route.source)
        owner = self._neighbor(interface, family, route.via.value)
        return Forward(
            rule,
            owner or nobody(interface),
            route_mtu_bytes=route.mtu_bytes,
            source=source,
            next_hop=route.via.value,
            unresolved=None if owner else _NO_NEIGHBOR,
        )

    def _neighbor(self, interface: DeviceInterface, family: Family, address: int) -> Neighbor | None:
        """Who takes a packet for a next hop: whoever answers on the link, in a subnet the VCN's fabric."""
        owner = self._wiring.owners(self._device.id, interface.name, family).get(address)
        return owner or self._wiring.fabric(self._device.id, interface.name)

    def _on_link(
        self,
        interface: DeviceInterface,
        family: Family,
        rule: Rule,
        *,
        source: int | None = None,
        mtu_bytes: int | None = None,
    ) -> ToOwner | Forward:
        fabric = self._wiring.fabric(self._device.id, interface.name)
        if fabric is not None:
            return Forward(rule, fabric, route_mtu_bytes=mtu_bytes, source=source)
        lost = Forward(rule, nobody(interface), route_mtu_bytes=mtu_bytes, source=source, unresolved=_NO_NEIGHBOR)
        owners = self._wiring.owners(self._device.id, interface.name, family)
        return ToOwner(rule, owners, lost, route_mtu_bytes=mtu_bytes, source=source)

    def _local_rows(self, family: Family) -> _Rows:
        """The device's own addresses, its broadcast addresses, and as a router its subnets' anycast addresses."""
        own = dict(own_addresses(self._device.addresses(family)))
        values, rule = (self.broadcasts(), _TO_ALL) if family is Family.IPV4 else (self.anycast(), _ANYCAST)
        return {_host(family, value): Deliver(rule) for value in values} | own

    def _entries(self, family: Family) -> Iterator[OwnAddress]:
        for name, owns in self._own.by_interface[family].items():
            if name != _LOOPBACK:
                yield from owns


def _way_out(action: Forward | ToOwner) -> str | None:
    return action.neighbor.out_interface if isinstance(action, Forward) else action.out_interface


def _host(family: Family, value: int) -> Prefix:
    return Prefix(family, value, family.bits)


def _table(family: Family, rows: _Rows, default: Action) -> LongestPrefixTable[Action]:
    everywhere: _Rows = {Prefix(family, 0, 0): default}
    return LongestPrefixTable((everywhere | rows).items())


NO_ROUTE = Drop(Rule(reason="no route covers {dst}"), Disposition.NO_ROUTE, error=IcmpError.NO_ROUTE)
_NO_NEIGHBOR = Drop(
    Rule(reason="nobody on the link answers for the next hop (RFC 826, RFC 4861 section 7.2.2)"),
    Disposition.NEIGHBOR_UNREACHABLE,
    error=IcmpError.HOST_UNREACHABLE,
)
_NO_BROADCAST = Drop(
    Rule(reason="{dst} is a broadcast address, to which a socket sends only if it asked for that (EACCES)"),
    Disposition.PROHIBITED,
)
_SPECIAL: dict[RouteType, tuple[Disposition, IcmpError | None]] = {
    RouteType.BLACKHOLE: (Disposition.BLACKHOLED, None),
    RouteType.UNREACHABLE: (Disposition.UNREACHABLE_ROUTE, IcmpError.UNREACHABLE_ROUTE),
    RouteType.PROHIBIT: (Disposition.PROHIBITED, IcmpError.PROHIBITED),
    RouteType.THROW: (Disposition.NO_ROUTE, IcmpError.NO_ROUTE),  # on to the next table, and there is none
}
_TO_ALL = Rule(reason="{dst} is a broadcast address of this device's link (RFC 919)")
_ITSELF = Rule(reason="{dst} is this device itself, over its loopback interface (RFC 1122 section 3.2.1.3)")
_LOOPBACKS = tuple(map(Prefix.parse, ("0.0.0.0/32", "127.0.0.0/8", "::/128", "::1/128")))
_ANYCAST = Rule(reason="{dst} is the anycast address of the subnet's routers (RFC 4291 section 2.6.1)")

_STRANGER_ON_LINK = Drop(
    Rule(reason="{dst} is link-local, and nobody in the model has such an address"), Disposition.NEIGHBOR_UNREACHABLE
)
