"""The routes of a stand-in, compiled from the simulation's tables: one kernel table for each of them.

Every next hop is a port on a wire.  Routes name it by a link-local address that nobody bears, and a permanent
neighbour leads from there to the port's hardware address, so nothing is asked on any wire.  What a table drops is a
blackhole route: the cloud drops in silence.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from dsflow.dataplane.action import Action, Deliver, Forward, Neighbor, ToOwner
from dsflow.dataplane.device import Device
from dsflow.dataplane.index import Index
from dsflow.dataplane.tables import RouteLookup, Routes
from dsflow.lab.command import Command, Port, Tool
from dsflow.lab.plan_nft import chain
from dsflow.lab.plan_ports import next_hop
from dsflow.model.topology import Topology
from dsflow.net.address import Address, Family, Prefix
from dsflow.net.lpm import LongestPrefixTable

__all__ = ["NOBODY", "Ways", "is_router", "source_addresses"]

NOBODY = "02:ff:ff:ff:ff:ff"
"""A hardware address that no port has: what leaves the model goes there."""

_NOBODYS_NUMBER = 0xFFFE
_FIRST_TABLE = 1001
_VNIC_PREFERENCE = 80  # what a VNIC that does not check sends may bear another's address
_SENDER_PREFERENCE = 90
_IIF_PREFERENCE = 100
_LOCAL_PREFERENCE = 200

_Rows = dict[Prefix, Neighbor | None]
"""Where to, by prefix; None for nowhere."""


class _Served(NamedTuple):
    """A routing table: for what comes in where, None for what is made there, and for which senders behind what."""

    routes: Routes
    interfaces: list[str | None]
    senders: list[tuple[str, Address]]


class Ways:
    """Who is behind which port, for all devices of a topology."""

    def __init__(self, topology: Topology, dataplane: Mapping[str, Device], ports: Sequence[Port]) -> None:
        self._dataplane = dataplane
        self._fabrics = frozenset(vcn.id for vcn in topology.vcns.values())
        self._at = {(port.device, port.trace_name): port for port in ports}
        self._numbers = {port: number for number, port in enumerate(ports, start=1)}
        for balancer in topology.load_balancers.values():  # the fabric calls its way to one by that one's name
            subnet = topology.subnets[balancer.subnet]
            self._at[f"vcn/{subnet.vcn}", balancer.id] = self._at[f"vcn/{subnet.vcn}", subnet.id]
        self._own: dict[tuple[str, str], Port] = {}
        index = Index(topology)
        for vcn in topology.vcns.values():
            for device, vnic in index.device_vnics(vcn.name):
                name = index.fabric_interface(device, vnic)
                if vnic.route_table is not None:
                    self._at[vcn.id, name] = self._at[vcn.id, f"subnet/{vnic.subnet}"]
                    self._own[vcn.id, name] = self._at[device.id, vnic.name]

    def port(self, device: str, interface: str) -> Port | None:
        """The port that a trace calls so."""
        return self._at.get((device, interface))

    def receiver(self, device: str, interface: str, dst: Address) -> Port | None:
        """Who takes a packet off the wire that a trace hands to an interface.

        In a subnet the fabric is two things: its bridge takes what stays in the subnet to its owner, and only
        the rest is for its router.
        """
        if device in self._fabrics:
            owner = self._beside(device, interface).get((dst.family, dst.value))
            if owner is not None:
                return self._next(owner)
        return self.port(device, interface)

    def commands(self, device: Device, namespace: str) -> Iterator[Command]:
        """Neighbours, rules and routes of a stand-in."""
        tables = list(self._tables(device))
        used: dict[tuple[str, Family, Port | None], None] = {}
        texts: list[str] = []
        for table, number in tables:
            sources = device if number is not None and None in table.interfaces and is_router(device) else None
            for family in Family:
                for prefix, way in self._rows(device, table.routes, family, sources).items():
                    texts.append(self._route(device, prefix, way, number, sources))
                    if way is not None:
                        used[self._leaving(device, way), family, self._next(way)] = None
        yield from (Command(Tool.IP, namespace, self._neighbour(*one)) for one in used)
        yield from (Command(Tool.IP, namespace, text) for text in texts)
        yield from self._rules(device, tables, namespace)
        yield from self._marks(device, namespace)

    def _marks(self, device: Device, namespace: str) -> Iterator[Command]:
        """Marks by which a fabric knows the packets of VNICs with a table of their own: by hardware address."""
        own = [port for (fabric, _), port in self._own.items() if fabric == device.id]
        if own:
            told = [f"ether saddr {port.mac} meta mark set {self._numbers[port]}" for port in own]
            lines = chain("senders", "filter hook prerouting priority -310", told)
            yield Command(Tool.NFT, namespace, "\n".join(["table inet senders {", *lines, "}"]) + "\n")

    def _kernel_names(self, device: Device) -> dict[str, str]:
        return {name: port.name for (owner, name), port in self._at.items() if owner == device.id}

    def _tables(self, device: Device) -> Iterator[tuple[_Served, int | None]]:
        """The device's routing tables with what each is for.

        A machine's own table is the kernel's main one, without a number.
        """
        if not device.forward:
            yield _Served(_lookup(device.send).tables[None], [None], []), None
            return
        by_table: dict[tuple[int, bool], _Served] = {}
        lookup = _lookup(device.receive)
        for interface, table in lookup.tables.items():
            by_table.setdefault((id(table), interface is None), _Served(table, [], [])).interfaces.append(interface)
        for interface, senders in lookup.senders.items():
            for sender, table in senders.items():
                found = by_table.setdefault((id(table), False), _Served(table, [], []))
                found.senders.append((interface, Address(Family(sender[0]), sender[1])))
        for place, found in enumerate(by_table.values()):
            main = None in found.interfaces and not is_router(device)
            yield found, None if main else _FIRST_TABLE + place

    def _rules(self, device: Device, tables: Sequence[tuple[_Served, int | None]], namespace: str) -> Iterator[Command]:
        """Which table serves whom; a cloud router takes nothing for itself, so its own come last."""
        names = self._kernel_names(device)
        both: dict[str, None] = {}
        for table, number in tables:
            for interface in table.interfaces if number is not None else ():
                own = self._own.get((device.id, interface or ""))
                if own is not None:
                    both[f"rule add fwmark {self._numbers[own]} lookup {number} pref {_VNIC_PREFERENCE}"] = None
                else:
                    name = "lo" if interface is None else names[interface]
                    both[f"rule add iif {name} lookup {number} pref {_IIF_PREFERENCE}"] = None
        if is_router(device):
            both |= dict.fromkeys((f"rule add lookup local pref {_LOCAL_PREFERENCE}", "rule del pref 0"))
        for table, number in tables:
            for interface, sender in table.senders:
                tool = Tool.IP if sender.family is Family.IPV4 else Tool.IPV6
                told = f"rule add from {sender} iif {names[interface]} lookup {number} pref {_SENDER_PREFERENCE}"
                yield Command(tool, namespace, told)
        for tool in (Tool.IP, Tool.IPV6):
            yield from (Command(tool, namespace, text) for text in both)

    def _rows(self, device: Device, table: Routes, family: Family, sources: Device | None) -> _Rows:
        lpm = table.ipv4 if family is Family.IPV4 else table.ipv6
        found: _Rows = {}
        for prefix, action in lpm.items():
            if isinstance(action, ToOwner):
                found |= self._owners(prefix, action, lpm)
            elif isinstance(action, Forward):
                found[prefix] = action.neighbor
                found |= self._direct(device, action, lpm)
            elif not isinstance(action, Deliver):
                found[prefix] = None
        return found if sources is None else _with_sources(found, sources, family)

    def _owners(self, prefix: Prefix, action: ToOwner, lpm: LongestPrefixTable[Action]) -> _Rows:
        """The owners one by one, and nowhere for the rest; what a bridge takes to its owner needs no route."""
        found: _Rows = {prefix: None}
        if action.lowers:
            for value, neighbor in action.owners.items():
                if lpm.lookup(value) is action:
                    found[Prefix(prefix.family, value, prefix.family.bits)] = neighbor
        return found

    def _direct(self, device: Device, action: Forward, lpm: LongestPrefixTable[Action]) -> _Rows:
        """The neighbours in the same subnet, which are reached without the virtual router."""
        way = action.neighbor
        if way.device not in self._fabrics or way.in_interface is None:
            return {}
        family = lpm.items()[0][0].family
        return {
            Prefix(family, value, family.bits): Neighbor(way.out_interface, one.device, one.in_interface, way.link)
            for (of, value), one in self._beside(way.device, way.in_interface).items()
            if of is family and lpm.lookup(value) is action and one.device != device.id
        }

    def _beside(self, fabric: str, interface: str) -> dict[tuple[Family, int], Neighbor]:
        """Who is in the subnet behind an interface of a fabric, by family and address."""
        table = _lookup(self._dataplane[fabric].receive).tables.get(interface)
        if table is None:
            return {}
        return {
            (prefix.family, value): neighbor
            for lpm in (table.ipv4, table.ipv6)
            for prefix, action in lpm.items()
            if isinstance(action, ToOwner) and not action.lowers
            for value, neighbor in action.owners.items()
            if lpm.lookup(value) is action
        }

    def neighbours(self, port: Port, fabric: str) -> dict[Address, str]:
        """The hardware addresses of those in a generic device's subnet, by address."""
        found: dict[Address, str] = {}
        for (family, value), one in self._beside(fabric, port.link).items():
            there = self._next(one)
            if there is not None and one.device != port.device:
                found[Address(family, value)] = there.mac
        return found

    def _next(self, way: Neighbor) -> Port | None:
        """The port that takes the packet; None where the model ends."""
        if way.device is None or way.in_interface is None:
            return None
        return self._at[way.device, way.in_interface]

    def _leaving(self, device: Device, way: Neighbor) -> str:
        return self._at[device.id, way.out_interface].name

    def _name(self, port: Port | None, family: Family) -> Address:
        return next_hop(family, _NOBODYS_NUMBER if port is None else self._numbers[port])

    def _route(
        self, device: Device, prefix: Prefix, way: Neighbor | None, number: int | None, sources: Device | None
    ) -> str:
        table = "" if number is None else f" table {number}"
        if way is None:
            return f"route add blackhole {prefix}{table}"
        name = self._name(self._next(way), prefix.family)
        onlink = " onlink" if prefix.family is Family.IPV4 else ""
        src = None if sources is None else _source(sources, prefix)
        told = "" if src is None else f" src {src}"
        return f"route add {prefix} via {name} dev {self._leaving(device, way)}{onlink}{told}{table}"

    def _neighbour(self, interface: str, family: Family, port: Port | None) -> str:
        mac = NOBODY if port is None else port.mac
        return f"neigh replace {self._name(port, family)} lladdr {mac} dev {interface} nud permanent"


def _lookup(tables: Sequence[object]) -> RouteLookup:
    return next(table for table in tables if isinstance(table, RouteLookup))


def is_router(device: Device) -> bool:
    """Whether it is a router of the cloud, where nothing is delivered."""
    return bool(device.forward) and not device.deliver


def _with_sources(rows: _Rows, device: Device, family: Family) -> _Rows:
    """What a cloud router sends of its own: errors, to the subnets for which it has an address to send from.

    To everybody else it says nothing.
    """
    lpm = LongestPrefixTable(rows.items())
    known = [prefix for prefix, _ in _source_rows(device, family)]
    found: _Rows = {Prefix(family, 0, 0): None}
    found |= {prefix: lpm.lookup(prefix.first) for prefix in known}
    found |= {prefix: way for prefix, way in rows.items() if any(prefix in near for near in known)}
    return found


def _source_rows(device: Device, family: Family) -> tuple[tuple[Prefix, int], ...]:
    table = device.icmp_sources.get(family, {}).get(None)
    return table.items() if isinstance(table, LongestPrefixTable) else ()


def source_addresses(device: Device, family: Family) -> list[Address]:
    """The addresses from which a cloud router sends errors."""
    return [Address(family, value) for _, value in _source_rows(device, family)]


def _source(device: Device, prefix: Prefix) -> Address | None:
    value = device.icmp_sources[prefix.family][None].lookup(prefix.first)
    return None if value is None else Address(prefix.family, value)
