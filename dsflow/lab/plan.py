"""The scenario as network namespaces: every command in order, as data.  Pure: nothing runs here.

Each device is a namespace; what the cloud's devices are in it is in :mod:`dsflow.lab.plan_cloud`.  Nothing is made
outside the namespaces: both ends of a pair are created where they belong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dsflow.dataplane.compile import Dataplane, compile_topology
from dsflow.dataplane.device import Device
from dsflow.errors import NotModelledError
from dsflow.lab import plan_cloud
from dsflow.lab.beyond import is_network_balancer
from dsflow.lab.command import Command, Listening, Port, ProxyPort, Tool, Twin
from dsflow.lab.plan_devices import (
    address_texts,
    first_sysctls,
    listening,
    neighbour_texts,
    port_sysctls,
    route_texts,
)
from dsflow.lab.plan_nft import ruleset
from dsflow.lab.plan_ports import ports_of
from dsflow.lab.plan_script import script
from dsflow.lab.plan_services import ServiceRules
from dsflow.lab.plan_stages import serves, vnic_checks
from dsflow.lab.plan_ways import NOBODY, Ways
from dsflow.lab.plan_wires import Wire, wires
from dsflow.model.assumptions import ASSUMPTIONS
from dsflow.model.devices import GenericDevice
from dsflow.model.topology import Topology
from dsflow.net.address import Address, Family

__all__ = ["Plan", "make_plan"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run, in order, and what stands for what.

    Attributes
    ----------
    commands : tuple of Command
    namespaces : mapping
        The namespace of each device id, and of each bridge that is a wire as ``link/NAME``.
    twins : mapping
        What stands for each device, by its id.
    ports : tuple of Port
        Every interface on a wire, generic devices first, in the order of the scenario.
    listening : tuple of Listening
        What the daemons serve, to see when they are ready.
    proxies : tuple of ProxyPort
        The listeners of load balancers.
    services : tuple of ServiceRules
        The rulesets of nodes that lead Services to end points, which follow the simulation's choice.
    remarks : tuple of str
        What is not compared, or not as it is in the cloud, with why.
    """

    commands: tuple[Command, ...]
    namespaces: Mapping[str, str]
    twins: Mapping[str, Twin]
    ports: tuple[Port, ...]
    listening: tuple[Listening, ...]
    proxies: tuple[ProxyPort, ...]
    services: tuple[ServiceRules, ...]
    remarks: tuple[str, ...]
    ways: Ways

    def kernel_name(self, device: str, interface: str) -> str:
        """The kernel's name of an interface that a trace calls so."""
        port = self.ways.port(device, interface)
        return interface if port is None else port.name

    def hardware_address(self, receiver: tuple[str, str] | None, dst: Address | None) -> str:
        """Of who takes a packet to ``dst`` off a wire, by device and interface; nobody's where nobody does."""
        if receiver is None:
            return NOBODY
        port = self.ways.port(*receiver) if dst is None else self.ways.receiver(*receiver, dst)
        return NOBODY if port is None else port.mac

    def script(self) -> str:
        """The plan as a shell script that builds the same network, and says how to take it away."""
        return script(self.commands, self.namespaces, self.twins, self.remarks)


def make_plan(topology: Topology, prefix: str = "dsl") -> Plan:
    """The plan of a topology; ``prefix`` begins the name of every namespace.

    >>> from dsflow.model.devices import DeviceInterface, DeviceLink
    >>> host = GenericDevice(name="h0", interfaces={"lo": DeviceInterface(name="lo")})
    >>> print(make_plan(Topology(name="one", devices={"h0": host})).commands[0].text)
    netns add dsl-0

    Raises
    ------
    NotModelledError
        For load balancers that serve some sources only, and for switched assumptions.
    """
    _refuse_unmodelled(topology)
    return _Planner(topology, prefix).plan()


_OF_TABLES = ("kube-proxy-mode", "virtual-node-kube-proxy")
"""Assumptions whose alternatives are in the tables that the stand-ins are written from, and nowhere else."""


def _refuse_unmodelled(topology: Topology) -> None:
    """What has no stand-in here."""
    others = {name: value for name, value in topology.assumptions.items() if value != ASSUMPTIONS[name].default}
    switched = [name for name in others if name not in _OF_TABLES]
    if switched:
        raise NotModelledError(f"{', '.join(switched)}: the lab's stand-ins do what is assumed unless it is switched")
    for service in topology.services.values():
        if service.source_ranges:
            raise NotModelledError(f"{service.id}: loadBalancerSourceRanges have no stand-in in the lab")


def _with_stand_ins(dataplane: Dataplane) -> Dataplane:
    """The dataplane with a bare host for each network load balancer: what goes through one is not compared."""
    for device in [dataplane[name] for name in dataplane if name.startswith("lb/")]:
        if is_network_balancer(device):
            dataplane = dataplane.replacing(replace(device, receive=device.send, forward=(), leave=()))
    return dataplane


class _Planner:
    """One plan in the making: what its parts all need."""

    def __init__(self, topology: Topology, prefix: str) -> None:
        self._topology = topology
        self._dataplane = _with_stand_ins(compile_topology(topology))
        self._ports = ports_of(topology)
        self._wires = wires(list(topology.links), self._ports)
        self._ways = Ways(topology, self._dataplane, self._ports)
        generic = [device.id for device in topology.devices.values()]
        self._guests = [pod for pod in topology.pods.values() if pod.host_network]
        self._cloud = [device for id_, device in self._dataplane.items() if id_ not in generic]
        bridges = [wire.id for wire in self._wires if not wire.is_pair and wire.router is None]
        ids = [*generic, *(device.id for device in self._cloud), *bridges]
        self._namespaces = {id_: f"{prefix}-{number}" for number, id_ in enumerate(ids)}

    def plan(self) -> Plan:
        return Plan(
            commands=tuple(self._commands()),
            namespaces=self._namespaces,
            twins=dict(self._twins()),
            ports=self._ports,
            listening=tuple(self._listening()),
            proxies=tuple(
                port for device in self._cloud for port in plan_cloud.proxy_ports(device, self._namespaces[device.id])
            ),
            services=tuple(
                plan_cloud.service_rules_of(device, self._namespaces[device.id], self._ports)
                for device in self._cloud
                if serves(device)
            ),
            remarks=tuple(self._remarks()),
            ways=self._ways,
        )

    def _commands(self) -> Iterator[Command]:
        """Namespaces first, then settings that interfaces take over, then wires, then what goes on them."""
        for namespace in self._namespaces.values():
            yield Command(Tool.IP, None, f"netns add {namespace}")
        for generic in self._topology.devices.values():
            namespace = self._namespaces[generic.id]
            yield from (Command(Tool.SYSCTL, namespace, setting) for setting in first_sysctls(generic))
        for device in self._cloud:
            yield from plan_cloud.settings(device, self._namespaces[device.id])
        yield from self._wiring()
        for generic in self._topology.devices.values():
            yield from self._device(generic, self._namespaces[generic.id])
        for device in self._cloud:
            yield from plan_cloud.commands(device, self._namespaces[device.id], self._ports, self._ways)

    def _wiring(self) -> Iterator[Command]:
        bridges = [wire for wire in self._wires if not wire.is_pair]
        for wire in bridges:
            yield from wire.bridge(self._namespaces)
        for wire in self._wires:
            yield from wire.lay(self._namespaces)
        for wire in bridges:
            yield from wire.join(self._namespaces)

    def _device(self, device: GenericDevice, namespace: str) -> Iterator[Command]:
        own = [port for port in self._ports if port.device == device.id]
        there = {port.name for port in own} | {"lo"}
        for port in own:
            yield Command(Tool.ETHTOOL, namespace, f"-K {port.name} tx off")
        for port in own:
            yield from (Command(Tool.SYSCTL, namespace, setting) for setting in port_sysctls(port))
        texts = [f"link set dev {port.name} arp off" for port in own if port.interface.subnet is not None]
        texts += ["link set dev lo up", *(f"link set dev {port.name} up" for port in own)]
        texts += address_texts(device, there)
        for port in own:
            texts += self._neighbours(device, port)
        texts += route_texts(device, there)
        yield from (Command(Tool.IP, namespace, text) for text in texts)
        for rules in (ruleset(device), vnic_checks(self._dataplane[device.id])):
            if rules:
                yield Command(Tool.NFT, namespace, rules)
        for served in self._served(device):
            yield Command(Tool.DAEMON, namespace, served.daemon)

    def _neighbours(self, device: GenericDevice, port: Port) -> list[str]:
        """Whom the port knows without asking: those on its link, or in its subnet.

        In a subnet the fabric takes whatever nobody there has, in silence: the interface asks for nobody, and
        what it knows no neighbour for comes back to its own port of the bridge, which takes it no further.
        """
        if port.interface.subnet is None:
            return list(neighbour_texts(port, self._beside(port)))
        subnet = self._topology.subnets[port.interface.subnet]
        router = self._ways.port(f"vcn/{subnet.vcn}", subnet.id)
        assert router is not None
        known = {
            Address(family, prefix.first + 1): router.mac for family in Family for prefix in subnet.prefixes(family)
        }
        known |= {
            route.via: router.mac for route in device.routes if route.via is not None and route.interface == port.name
        }
        known |= self._ways.neighbours(port, router.device)
        return [
            f"neigh replace {address} lladdr {mac} dev {port.name} nud permanent"
            for address, mac in known.items()
            if port.interface.carries(address.family)
        ]

    def _beside(self, port: Port) -> list[tuple[Port, GenericDevice]]:
        """The ports of other devices on the same link; the far side of a DRG has its own addresses only."""
        holders = {holder.id: holder for holder in self._topology.devices.values()}
        return [
            (other, holders.get(other.device) or GenericDevice(name=other.device))
            for other in self._ports
            if other.link == port.link and other.device != port.device
        ]

    def _served(self, device: GenericDevice) -> Iterator[Listening]:
        addresses = [address for family in Family for address in device.addresses(family)]
        return listening(device.listen, addresses, self._namespaces[device.id])

    def _listening(self) -> Iterator[Listening]:
        for generic in self._topology.devices.values():
            yield from self._served(generic)
        for device in self._cloud:
            yield from plan_cloud.listening_of(device, self._namespaces[device.id])

    def _twins(self) -> Iterator[tuple[str, Twin]]:
        for generic in self._topology.devices.values():
            yield generic.id, _twin(generic, self._namespaces[generic.id], self._ports)
        for device in self._cloud:
            namespace = self._namespaces[device.id]
            found = plan_cloud.twin(device, namespace, self._ports, self._members(device))
            guests = [pod.id for pod in self._guests if device.id == f"node/{pod.node}"]
            also = f"; it is {', '.join(guests)} too (host network)" if guests else ""
            yield device.id, replace(found, what=found.what + also)

    def _members(self, device: Device) -> dict[str, str]:
        return {name: told for wire in self._wires if _is_of(wire, device) for name, told in wire.members().items()}

    def _remarks(self) -> Iterator[str]:
        kinds = {device.kind for device in self._cloud}
        kinds |= {"service"} if any(map(serves, self._cloud)) else set()
        yield from (remark for kind, remark in plan_cloud.REMARKS.items() if kind in kinds)


def _is_of(wire: Wire, device: Device) -> bool:
    return wire.router is not None and wire.router.device == device.id


def _twin(device: GenericDevice, namespace: str, ports: Sequence[Port]) -> Twin:
    own = [port.interface.mtu_bytes for port in ports if port.device == device.id]
    longest = max(own, default=1500)
    return Twin(namespace=namespace, what="", names={}, longest_bytes=longest, tracks=device.tracks_connections)
