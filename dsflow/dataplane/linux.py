"""Generic devices: a Linux machine's routing, checks and hooks as tables.

The order inside a hop is the kernel's: ip_rcv, prerouting, ip_route_input or ip6_route_input, then ip_forward and
ip6_forward with forward and postrouting, or ip_local_deliver with input; ip_local_out with output for what is
made here (net/ipv4 and net/ipv6 of Linux 6.18).
"""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.dataplane import netfilter
from dsflow.dataplane.action import Action, Continue, Delay, Deliver, Drop, Forward, IcmpError, Rule, ToOwner
from dsflow.dataplane.common import (
    LINUX_HOP_LIMIT,
    LINUX_LOWER,
    LINUX_MTU,
    listeners,
    not_forwarding,
    origin_mtu,
    own_addresses,
)
from dsflow.dataplane.device import Device, Interface, Toll
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.match import Match
from dsflow.dataplane.sources import IcmpSources, Ipv6Source, Lookup, OwnAddress, OwnAddresses
from dsflow.dataplane.tables import (
    Confirm,
    Filter,
    Mtu,
    Receive,
    Redirect,
    Resolve,
    ReversePath,
    RouteLookup,
    Routes,
    Table,
)
from dsflow.dataplane.wiring import Wiring, nobody
from dsflow.model.devices import DeviceInterface, DeviceRoute, GenericDevice, RouteType
from dsflow.net.address import Family, Prefix
from dsflow.net.lpm import LongestPrefixTable

__all__ = ["compile_device"]

_VLAN_TAG_BYTES = 4  # __is_skb_forwardable leaves room for one
_RATE_LIMITED_BURST = 6  # net/ipv4/icmp.c and net/ipv4/inetpeer.c: XRLIM_BURST_FACTOR
_CONNECTED_METRIC = {Family.IPV4: 0, Family.IPV6: 256}
_DEFAULT_METRIC = {Family.IPV4: 0, Family.IPV6: 1024}
_LOOPBACK = "lo"

_Rows = dict[Prefix, Action]


def compile_device(device: GenericDevice, wiring: Wiring) -> Device:
    """A generic device."""
    return _Compiler(device, wiring).device()


class _Compiler:
    """One device's tables, family by family."""

    def __init__(self, device: GenericDevice, wiring: Wiring) -> None:
        self._device = device
        self._wiring = wiring
        self._own = OwnAddresses(
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
        self._main = {family: self._main_rows(family) for family in Family}

    def device(self) -> Device:
        """The compiled device."""
        device, own = self._device, self._own
        tracking = netfilter.tracking(device)
        confirm: tuple[Table, ...] = (Confirm(),) if tracking else ()
        arriving = RouteLookup(tables={None: Routes(*(self._arriving(family) for family in Family))})
        leaving = Routes(*(self._leaving(family) for family in Family))
        translate: tuple[Table, ...] = (*tracking, *netfilter.nat(device, "output", own))
        if device.nat:
            translate += (RouteLookup(tables={None: leaving}, again=True),)
        source_check = self._reverse_path()
        return Device(
            id=device.id,
            kind="device",
            interfaces={name: self._interface(name) for name in device.interfaces},
            wire=self._wire(),
            receive=(*tracking, *netfilter.nat(device, "prerouting", own), _MARTIANS, arriving),
            deliver=(source_check, *netfilter.filters(device, "input"), *confirm, self._listeners()),
            forward=(
                source_check,
                LINUX_HOP_LIMIT,
                _SCOPE,
                _FORWARDED_MTU,
                self._redirect(),
                LINUX_LOWER,
                *netfilter.filters(device, "forward"),
            ),
            send=(RouteLookup(tables={None: leaving}),),
            translate=translate,
            output=(_RAW_MTU, *netfilter.filters(device, "output")),
            leave=(*netfilter.nat(device, "postrouting", own), *confirm, origin_mtu, Resolve()),
            capabilities=netfilter.capabilities(device),
            icmp_sources=self._icmp_sources(),
            own=own,
            broadcasts=self._broadcasts(Family.IPV4),
            anycast=self._anycast(Family.IPV6),
            icmp_burst=_RATE_LIMITED_BURST if device.icmp_rate_limit else None,
            toll=Toll(
                forwarded=(Delay("pod_hop"),),
                forwarded_new=(Delay("pod_hop"), *((Delay("ct_new"),) if tracking else ())),
                delivered=(Delay("endpoint"),),
                machine=device.id,
            ),
            source=device.source,
        )

    def _interface(self, name: str) -> Interface:
        by_family = {int(family): tuple(own.value for own in self._own.by_interface[family][name]) for family in Family}
        interface = self._device.interfaces[name]
        return Interface(
            name=name,
            addresses={family: values for family, values in by_family.items() if values},
            owners={family: self._wiring.owners(self._device, interface, family) for family in Family},
            peer=self._wiring.peer(self._device, interface),
        )

    def _wire(self) -> Receive:
        interfaces = self._device.interfaces.values()
        return Receive(
            limits_bytes={found.name: found.mtu_bytes + _VLAN_TAG_BYTES for found in interfaces},
            ipv6_off=frozenset(found.name for found in interfaces if not found.carries(Family.IPV6)),
            too_long=_TOO_LONG,
            not_running=_IPV6_OFF,
        )

    # --- routes ------------------------------------------------------------------------------------------------

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
        rule = Rule(id=name, reason=f"{words}, by {route.via}", source=route.source)
        owner = self._wiring.owners(self._device, interface, family).get(route.via.value)
        return Forward(
            rule,
            owner or nobody(interface),
            route_mtu_bytes=route.mtu_bytes,
            source=source,
            next_hop=route.via.value,
            unresolved=None if owner else _NO_NEIGHBOR,
        )

    def _on_link(
        self,
        interface: DeviceInterface,
        family: Family,
        rule: Rule,
        *,
        source: int | None = None,
        mtu_bytes: int | None = None,
    ) -> ToOwner:
        lost = Forward(rule, nobody(interface), route_mtu_bytes=mtu_bytes, source=source, unresolved=_NO_NEIGHBOR)
        owners = self._wiring.owners(self._device, interface, family)
        return ToOwner(rule, owners, lost, route_mtu_bytes=mtu_bytes, source=source)

    def _local_rows(self, family: Family) -> _Rows:
        """The device's own addresses, its broadcast addresses, and as a router its subnets' anycast addresses."""
        own = dict(own_addresses(self._device.addresses(family)))
        shared = {_host(family, value): Deliver(_TO_ALL) for value in self._broadcasts(family)}
        shared |= {_host(family, value): Deliver(_ANYCAST) for value in self._anycast(family)}
        return shared | own

    def _entries(self, family: Family) -> Iterator[OwnAddress]:
        for name, owns in self._own.by_interface[family].items():
            if name != _LOOPBACK:
                yield from owns

    def _broadcasts(self, family: Family) -> frozenset[int]:
        if family is Family.IPV6:
            return frozenset()
        directed = frozenset(entry.prefix.last for entry in self._entries(family) if entry.prefix.length < 31)
        return directed | {0xFFFF_FFFF}

    def _anycast(self, family: Family) -> frozenset[int]:
        """RFC 4291 section 2.6.1; not of a /127 (RFC 6164 section 5.1), nor where it is somebody's address."""
        if family is Family.IPV4 or family not in self._device.forwarding:
            return frozenset()
        own = {address.value for address in self._device.addresses(family)}
        return frozenset(entry.prefix.first for entry in self._entries(family) if entry.prefix.length < 127) - own

    def _arriving(self, family: Family) -> LongestPrefixTable[Action]:
        """What does not route is silent, but for IPv6's own refusals: they come first (ip6_pkt_discard)."""
        if family in self._device.forwarding:
            return _table(family, self._main[family] | self._local_rows(family), _NO_ROUTE)
        stays = not_forwarding(self._device.id)
        if family is Family.IPV4:
            return _table(family, self._local_rows(family), stays)
        refused = {
            prefix: action if isinstance(action, Drop) else stays for prefix, action in self._main[family].items()
        }
        return _table(family, refused | self._local_rows(family), _NO_ROUTE)

    def _leaving(self, family: Family) -> LongestPrefixTable[Action]:
        """As for what arrives, but that a socket does not send to all unless it asks for that (socket(7))."""
        special: _Rows = {_host(family, value): _NO_BROADCAST for value in self._broadcasts(family)}
        if family is Family.IPV6:
            special[_LINK_LOCAL] = _STRANGER_ON_LINK
        return _table(family, self._main[family] | self._local_rows(family) | special, _NO_ROUTE)

    # --- checks ------------------------------------------------------------------------------------------------

    def _reverse_path(self) -> ReversePath:
        family = Family.IPV4
        return ReversePath(
            own=frozenset(address.value for address in self._device.addresses(family)),
            routes=_table(family, self._main[family] | self._local_rows(family), _NO_ROUTE),
            mode=self._device.rp_filter.value,
            martian=_MARTIAN,
            unverified=Drop(
                Rule(
                    id=f"{self._device.id}/rp_filter",
                    reason=f"rp_filter is {self._device.rp_filter}: {{src}} is not reached the way this packet came",
                    source=self._device.source,
                    mend=f"set devices.{self._device.name}.rp_filter to off",
                ),
                Disposition.SOURCE_CHECK_FAILED,
            ),
        )

    def _redirect(self) -> Redirect:
        near = {
            name: tuple(own.prefix for family in Family for own in self._own.by_interface[family][name])
            for name in self._device.interfaces
        }
        return Redirect(on_link=near, told=_REDIRECTED)

    def _listeners(self) -> Table:
        shared = self._broadcasts(Family.IPV4), self._anycast(Family.IPV6)
        return listeners(self._device.id, self._device.listen, f"devices.{self._device.name}", *shared)

    def _icmp_sources(self) -> IcmpSources:
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


def _host(family: Family, value: int) -> Prefix:
    return Prefix(family, value, family.bits)


def _table(family: Family, rows: _Rows, default: Action) -> LongestPrefixTable[Action]:
    everywhere: _Rows = {Prefix(family, 0, 0): default}
    return LongestPrefixTable((everywhere | rows).items())


_NO_ROUTE = Drop(Rule(reason="no route covers {dst}"), Disposition.NO_ROUTE, error=IcmpError.NO_ROUTE)
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
_ANYCAST = Rule(reason="{dst} is the anycast address of the subnet's routers (RFC 4291 section 2.6.1)")

_MARTIAN = Drop(
    Rule(reason="{src} cannot be the source of a packet that comes in here (RFC 1812 section 5.3.7)"),
    Disposition.SOURCE_CHECK_FAILED,
)


def _martians() -> Iterator[tuple[Match, Drop]]:
    """Sources and destinations that ip_route_input_slow and ipv6_rcv take from nobody."""
    for text in ("0.0.0.0/32", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32", "::1/128", "ff00::/8"):
        yield Match(src=Prefix.parse(text)), _MARTIAN
    for text in ("0.0.0.0/32", "127.0.0.0/8", "::1/128"):
        rule = Rule(reason="{dst} is nobody's address on a link (RFC 1812 section 5.3.7)")
        yield Match(dst=Prefix.parse(text)), Drop(rule, Disposition.SOURCE_CHECK_FAILED)


_MARTIANS = Filter(rows=tuple(_martians()), stage="source-check")
_LINK_LOCAL = Prefix.parse("fe80::/10")
_STRANGER_ON_LINK = Drop(
    Rule(reason="{dst} is link-local, and nobody in the model has such an address"), Disposition.NEIGHBOR_UNREACHABLE
)
_SCOPE = Filter(
    rows=(
        (
            Match(src=_LINK_LOCAL),
            Drop(
                Rule(reason="{src} is link-local and goes no further than its link (RFC 4291 section 2.5.6)"),
                Disposition.SCOPE_UNROUTABLE,
                error=IcmpError.BEYOND_SCOPE,
            ),
        ),
        (Match(src=Prefix.parse("::/128")), _MARTIAN),
    ),
    beyond_link=True,
    stage="scope",
)
_RAW_MTU = Mtu(too_big=origin_mtu.too_big, origin=True, raw=True)
_FORWARDED_MTU = Mtu(too_big=LINUX_MTU.too_big, by_link=True)
_REDIRECTED = Continue(
    Rule(reason="the packet leaves as it came, so its sender is told of the better next hop (ICMP redirect)")
)
_TOO_LONG = Drop(
    Rule(reason="{length} bytes are more than this end of the link takes: its MTU is smaller than the sender's"),
    Disposition.TOO_BIG,
)
_IPV6_OFF = Drop(
    Rule(reason="IPv6 does not run on an interface with an MTU below 1280 bytes (RFC 8200 section 5)"),
    Disposition.FAMILY_UNAVAILABLE,
)
