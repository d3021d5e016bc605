"""The cloud's devices as namespaces: what each needs besides wires, and what it is in words.  Pure.

Pods, nodes and Internet hosts are Linux machines and stay what they are.  The rest is stood in for: the fabric of a
VCN by a bridge for each subnet, where nothing decrements, and a router between them; a gateway by a router with
rules of nftables; a load balancer by a stock TCP proxy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dsflow.dataplane.device import Device
from dsflow.dataplane.tables import Listeners, Proxy
from dsflow.lab.command import Command, Listening, Port, ProxyPort, Tool, Twin
from dsflow.lab.plan_devices import address_options, first_sysctls, listening
from dsflow.lab.plan_policies import isolates, policy_rules
from dsflow.lab.plan_services import ServiceRules, routing_rules
from dsflow.lab.plan_stages import serves, stage_rules, translates
from dsflow.lab.plan_ways import Ways, is_router, source_addresses
from dsflow.model.cluster import Listener
from dsflow.model.devices import GenericDevice
from dsflow.net.address import Address, Family
from dsflow.net.wire import TCP

__all__ = ["REMARKS", "commands", "listening_of", "proxy_ports", "service_rules_of", "settings", "twin"]

_ROUTER_SYSCTLS = (
    # The fabric and its gateways tell nobody of a better way, and ask of no source whose it is.
    "net.ipv4.conf.all.send_redirects=0",
    "net.ipv4.conf.default.send_redirects=0",
    "net.ipv4.conf.all.accept_local=1",
)

_WHAT = {
    "pod": "a Linux machine with one way out",
    "node": "a Linux router; what comes in by a VNIC goes to its own pods only",
    "vcn": "the fabric: a bridge for each subnet, and this kernel as the router between them",
    "igw": "a router; nft exchanges public and private IPv4 one to one, IPv6 passes unchanged",
    "natgw": "a router; nft gives IPv4 the public address as source",
    "sgw": "a router, IPv4 only",
    "drg": "a router without translation",
    "lpg": "a router without translation",
    "lb": "a host; socat ends the client's connections and dials the back ends",
    "internet": "a Linux host",
}
"""What stands for each kind of device."""

REMARKS = {
    "natgw": "which port a NAT gateway draws is its own business: the class of the port is compared; "
    "its limit of connections has no twin",
    "lb": "which back end a load balancer chooses is not compared: the proxy dials the one that the simulation chose; "
    "of its connections the opening is compared (SYN, SYN-ACK and refusals), not ports, sequence numbers and options; "
    "no ping of it is sent, as the simulation cannot tell what becomes of one",
    "service": "which end point a Service is led to is not compared: nft leads to the one that the simulation chose",
    "vcn": "that the fabric and its gateways lower the hop limit, and when they send ICMP errors, are the "
    "simulation's own assumptions: their stand-ins are made to them",
    "internet": "the Internet between its hosts and the gateways is a bridge: nothing on it decrements; "
    "what leaves the model is seen to leave",
}
"""What stand-ins of a kind do not show."""


def twin(device: Device, namespace: str, ports: Sequence[Port], members: Mapping[str, str]) -> Twin:
    """The namespace that stands for a device; ``members`` are the ports of a fabric's bridges, with traces' names."""
    own = [port for port in ports if port.device == device.id]
    fabric = device.kind == "vcn"
    bridges = [port for port in own if fabric and port.link.startswith("subnet/")]
    names = {port.name: port.trace_name for port in own if port not in bridges}
    return Twin(
        namespace=namespace,
        what=_what(device) + _interfaces(own),
        names=names | dict(members),
        hidden=frozenset(port.name for port in bridges),
        longest_bytes=max((port.interface.mtu_bytes for port in own), default=1500),
        tracks=translates(device) or isolates(device),
        switches=fabric,
    )


def _what(device: Device) -> str:
    if device.kind == "node" and not device.forward:
        return "a Linux host: its pods are machines of their own"
    if device.kind == "lb" and not any(table.listeners for table in device.deliver if isinstance(table, Proxy)):
        return "a host that serves nobody: a network load balancer has no stand-in"
    return _WHAT[device.kind]


def _interfaces(ports: Sequence[Port]) -> str:
    """The kernel's names that are not the trace's, explained."""
    told = [f"{port.name} is {port.alias}" for port in ports if port.alias is not None]
    return f" ({', '.join(told)})" if told else ""


def settings(device: Device, namespace: str) -> Iterator[Command]:
    """The kernel settings before there are interfaces."""
    forwarding = frozenset(Family) if device.forward else frozenset()
    texts = list(first_sysctls(GenericDevice(name=device.id, forwarding=forwarding)))
    texts += _ROUTER_SYSCTLS if is_router(device) else ()
    yield from (Command(Tool.SYSCTL, namespace, text) for text in texts)


def commands(device: Device, namespace: str, ports: Sequence[Port], ways: Ways) -> Iterator[Command]:
    """Addresses, ways, rules and daemons, once the wires are there."""
    own = [port for port in ports if port.device == device.id]
    for port in own:
        yield Command(Tool.ETHTOOL, namespace, f"-K {port.name} tx off")
    for name in ("lo", *(port.name for port in own)):
        yield Command(Tool.IP, namespace, f"link set dev {name} up")
    for interface, address in _addresses(device, own):
        text = f"addr add {address}/{address.family.bits} dev {interface}{address_options(address.family)}"
        yield Command(Tool.IP, namespace, text)
    yield from ways.commands(device, namespace)
    if serves(device):
        yield from routing_rules(device, namespace)
        yield Command(Tool.NFT, namespace, service_rules_of(device, namespace, ports).text({}))
    if isolates(device):
        yield Command(Tool.NFT, namespace, policy_rules(device, {port.trace_name: port.name for port in own}))
    rules = stage_rules(device, {port.trace_name: port.name for port in own})
    if rules:
        yield Command(Tool.NFT, namespace, rules)
    for served in listening_of(device, namespace):
        yield Command(Tool.DAEMON, namespace, served.daemon)


def service_rules_of(device: Device, namespace: str, ports: Sequence[Port]) -> ServiceRules:
    """The ruleset of a node that leads Services to end points."""
    names = {port.trace_name: port.name for port in ports if port.device == device.id}
    return ServiceRules(device, namespace, names)


def _addresses(device: Device, own: Sequence[Port]) -> Iterator[tuple[str, Address]]:
    """A machine's own addresses; a cloud router has those from which it sends errors."""
    names = {port.trace_name: port.name for port in own}
    for interface in device.interfaces.values():
        for family, values in interface.addresses.items():
            if not is_router(device):
                yield from ((names[interface.name], Address(Family(family), value)) for value in values)
    if is_router(device):
        for address in dict.fromkeys(found for family in Family for found in source_addresses(device, family)):
            yield "lo", address


def listening_of(device: Device, namespace: str) -> Iterator[Listening]:
    """The daemons of a machine, or of a load balancer toward the first back end of each listener."""
    for table in device.deliver:
        if isinstance(table, Listeners):
            ports = [Listener("tcp" if number == TCP else "udp", port) for number, port in sorted(table.ports)]
            yield from listening(ports, _own_addresses(device), namespace)
    for proxy in proxy_ports(device, namespace):
        yield Listening(namespace, "tcp", proxy.address, proxy.port, proxy.daemon(proxy.backends[0]))


def _own_addresses(device: Device) -> list[Address]:
    return [
        Address(family, value)
        for family in Family
        for interface in device.interfaces.values()
        for value in interface.addresses.get(family, ())
    ]


def proxy_ports(device: Device, namespace: str) -> Iterator[ProxyPort]:
    """The listeners of a load balancer that have back ends."""
    for table in device.deliver:
        if isinstance(table, Proxy):
            for (number, _, port), backends in table.listeners.items():
                fronts = [value for one in device.interfaces.values() for value in one.addresses.get(number, ())]
                if backends and fronts:
                    dialled = tuple((Address(Family(one.family), one.dst), one.dport) for one in backends)
                    yield ProxyPort(device.id, namespace, Address(Family(number), fronts[0]), port, dialled)
