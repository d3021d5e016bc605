"""Generic devices: a Linux machine's routing, checks and hooks as tables.

The order inside a hop is the kernel's: ip_rcv, prerouting, ip_route_input or ip6_route_input, then ip_forward and
ip6_forward with forward and postrouting, or ip_local_deliver with input; ip_local_out with output for what is
made here (net/ipv4 and net/ipv6 of Linux 6.18).
"""

from __future__ import annotations

from dsflow.dataplane import netfilter
from dsflow.dataplane.action import Delay, Drop, Rule
from dsflow.dataplane.common import LINUX_HOP_LIMIT, LINUX_LOWER, listeners, origin_mtu
from dsflow.dataplane.device import Device, Interface, Toll
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.linux_checks import (
    FORWARDED_MTU,
    IPV6_OFF,
    MARTIAN,
    MARTIANS,
    RAW_MTU,
    REDIRECTED,
    SCOPE,
    TOO_LONG,
)
from dsflow.dataplane.linux_routes import LinuxRoutes, own_addresses_of
from dsflow.dataplane.tables import (
    Confirm,
    Receive,
    Redirect,
    Resolve,
    ReversePath,
    RouteLookup,
    Routes,
    SourceCheck,
    Table,
)
from dsflow.dataplane.wiring import Wiring
from dsflow.model.devices import DeviceInterface, GenericDevice, RpFilter
from dsflow.net.address import Family

__all__ = ["compile_device"]

_VLAN_TAG_BYTES = 4  # __is_skb_forwardable leaves room for one
_RATE_LIMITED_BURST = 6  # net/ipv4/icmp.c and net/ipv4/inetpeer.c: XRLIM_BURST_FACTOR


def compile_device(device: GenericDevice, wiring: Wiring) -> Device:
    """A generic device."""
    return _Compiler(device, wiring).device()


class _Compiler:
    """One device's tables, family by family."""

    def __init__(self, device: GenericDevice, wiring: Wiring) -> None:
        self._device = device
        self._wiring = wiring
        self._own = own_addresses_of(device)
        self._routes = LinuxRoutes(device, wiring)

    def device(self) -> Device:
        """The compiled device."""
        device, own = self._device, self._own
        tracking = netfilter.tracking(device)
        confirm: tuple[Table, ...] = (Confirm(),) if tracking else ()
        leaving = Routes(*(self._routes.leaving(family) for family in Family))
        translate: tuple[Table, ...] = (RAW_MTU, *tracking, *netfilter.nat(device, "output", own))
        if device.nat:
            translate += (RouteLookup(tables={None: leaving}, again=True),)
        source_check = self._reverse_path()
        return Device(
            id=device.id,
            kind="device",
            interfaces={name: self._interface(name) for name in device.interfaces},
            wire=self._wire(),
            receive=(*tracking, *netfilter.nat(device, "prerouting", own), MARTIANS, self._arriving()),
            deliver=(
                source_check,
                *netfilter.filters(device, "input"),
                *netfilter.nat(device, "input", own),
                *confirm,
                self._listeners(),
            ),
            forward=(
                source_check,
                LINUX_HOP_LIMIT,
                SCOPE,
                FORWARDED_MTU,
                self._redirect(),
                LINUX_LOWER,
                *netfilter.filters(device, "forward"),
            ),
            send=(RouteLookup(tables={None: leaving}),),
            translate=translate,
            output=netfilter.filters(device, "output"),
            leave=(*netfilter.nat(device, "postrouting", own), *confirm, origin_mtu, Resolve(), *self._vnic_checks()),
            capabilities=netfilter.capabilities(device),
            icmp_sources=self._routes.icmp_sources(),
            own=own,
            broadcasts=self._routes.broadcasts(),
            anycast=self._routes.anycast(),
            icmp_burst=_RATE_LIMITED_BURST if device.icmp_rate_limit else None,
            toll=Toll(
                forwarded=(Delay("pod_hop"),),
                forwarded_new=(Delay("pod_hop"), *((Delay("ct_new"),) if tracking else ())),
                delivered=(Delay("endpoint"),),
                machine=device.id,
            ),
            source=device.source,
        )

    def _arriving(self) -> RouteLookup:
        common = Routes(*(self._routes.arriving(family) for family in Family))
        tables: dict[str | None, Routes] = {None: common}
        for interface in self._device.interfaces.values():
            ipv6 = self._routes.arriving_by(interface)
            if ipv6 is not None:
                tables[interface.name] = Routes(common.ipv4, ipv6)
        return RouteLookup(tables=tables)

    def _interface(self, name: str) -> Interface:
        by_family = {int(family): tuple(own.value for own in self._own.by_interface[family][name]) for family in Family}
        return Interface(
            name=name,
            addresses={family: values for family, values in by_family.items() if values},
            owners={family: self._wiring.owners(self._device.id, name, family) for family in Family},
            peer=self._wiring.peer(self._device.id, name),
        )

    def _wire(self) -> Receive:
        interfaces = self._device.interfaces.values()
        return Receive(
            limits_bytes={found.name: found.mtu_bytes + _VLAN_TAG_BYTES for found in interfaces},
            ipv6_off=frozenset(found.name for found in interfaces if not found.carries(Family.IPV6)),
            too_long=TOO_LONG,
            not_running=IPV6_OFF,
        )

    def _reverse_path(self) -> ReversePath:
        return ReversePath(
            own=frozenset(address.value for address in self._device.addresses(Family.IPV4)),
            bare=frozenset(name for name, owns in self._own.by_interface[Family.IPV4].items() if not owns),
            routes=self._routes.back(Family.IPV4),
            mode=self._device.rp_filter.value,
            martian=MARTIAN,
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

    def _vnic_checks(self) -> tuple[Table, ...]:
        """OCI drops what a VNIC sends with a foreign source (Network/Tasks/managingVNICs.htm, 2026-09)."""
        return tuple(
            _vnic_check(self._device, interface)
            for interface in self._device.interfaces.values()
            if interface.subnet is not None and interface.source_destination_check
        )

    def _redirect(self) -> Redirect:
        strict = self._device.rp_filter is RpFilter.STRICT
        behind = {} if strict else {name: self._routes.behind(name) for name in self._device.interfaces}
        return Redirect(routes={family: self._routes.back(family) for family in Family}, behind=behind, told=REDIRECTED)

    def _listeners(self) -> Table:
        shared = self._routes.broadcasts(), self._routes.anycast()
        return listeners(self._device.id, self._device.listen, f"devices.{self._device.name}", *shared)


def _vnic_check(device: GenericDevice, interface: DeviceInterface) -> SourceCheck:
    rule = Rule(
        id=f"{device.id}/{interface.name}/source-destination-check",
        reason="{src} is no address of the VNIC that the packet would leave by",
        source=interface.source,
        mend=f"set devices.{device.name}.interfaces.{interface.name}.source_destination_check: false",
        explicit=False,
    )
    own = frozenset((int(entry.address.family), entry.address.value) for entry in interface.addresses)
    return SourceCheck(own={interface.name: own}, foreign=Drop(rule, Disposition.SOURCE_CHECK_FAILED))
