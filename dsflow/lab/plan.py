"""The scenario as network namespaces: every command in order, as data.  Pure: nothing runs here.

Each generic device is a namespace.  A link with two ends is a veth pair; any other is a bridge in a namespace of
its own.  Nothing is made outside the namespaces: both ends of a pair are created where they belong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from dsflow.lab.command import Command, Listening, Port, Tool
from dsflow.lab.plan_devices import (
    address_texts,
    first_sysctls,
    listening,
    neighbour_texts,
    port_sysctls,
    route_texts,
)
from dsflow.lab.plan_nft import ruleset
from dsflow.model.devices import DeviceInterface, GenericDevice
from dsflow.model.topology import Topology

__all__ = ["Plan", "make_plan"]

BRIDGE_PORT_MTU_BYTES = 65535
"""Of a bridge and its ports: the largest, so that the devices' own MTUs alone decide."""

_FIRST_NUMBER = 10
"""Interface numbers follow the order written, because the kernel looks for addresses in that order."""

_BRIDGE_SYSCTLS = (
    "net.ipv6.conf.all.disable_ipv6=1",
    "net.ipv6.conf.default.disable_ipv6=1",
    "?net.bridge.bridge-nf-call-iptables=0",
    "?net.bridge.bridge-nf-call-ip6tables=0",
    "?net.bridge.bridge-nf-call-arptables=0",
)
"""A bridge that is a wire: no addresses, no filters; a question mark stands before what a kernel may lack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run, in order, and what stands for what.

    Attributes
    ----------
    commands : tuple of Command
    namespaces : mapping
        The namespace of each device id, and of each bridge as ``link/NAME``.
    ports : tuple of Port
        Every interface on a link, in the order of the scenario.
    listening : tuple of Listening
        What the daemons serve, to see when they are ready.
    absent : tuple of str
        Ids of what no namespace stands for: nothing of it is compared.
    """

    commands: tuple[Command, ...]
    namespaces: Mapping[str, str]
    ports: tuple[Port, ...]
    listening: tuple[Listening, ...]
    absent: tuple[str, ...]

    def script(self) -> str:
        """The plan as a shell script that builds the same network, and says how to take it away."""
        return "\n".join(_script(self)) + "\n"


def make_plan(topology: Topology, prefix: str = "dsl") -> Plan:
    """The plan of a topology; ``prefix`` begins the name of every namespace.

    >>> from dsflow.model.devices import DeviceInterface, DeviceLink
    >>> host = GenericDevice(name="h0", interfaces={"lo": DeviceInterface(name="lo")})
    >>> print(make_plan(Topology(name="one", devices={"h0": host})).commands[0].text)
    netns add dsl-0
    """
    ports = tuple(_ports(topology))
    shared = [name for name in topology.links if sum(port.link == name for port in ports) not in (0, 2)]
    ids = [device.id for device in topology.devices.values()] + [f"link/{name}" for name in shared]
    namespaces = {id_: f"{prefix}-{number}" for number, id_ in enumerate(ids)}
    commands = list(_commands(topology, ports, shared, namespaces))
    return Plan(
        commands=tuple(commands),
        namespaces=namespaces,
        ports=ports,
        listening=tuple(
            served for device in topology.devices.values() for served in listening(device, namespaces[device.id])
        ),
        absent=tuple(_absent(topology)),
    )


def _ports(topology: Topology) -> Iterator[Port]:
    """The interfaces on links, each with a number and a hardware address that tell device and place."""
    for number, device in enumerate(topology.devices.values()):
        for place, interface in enumerate(_wired(device)):
            link = interface.link
            if link is not None and link in topology.links:
                mac = f"02:00:{number >> 8:02x}:{number & 0xFF:02x}:00:{place:02x}"
                yield Port(device.id, interface, link, _FIRST_NUMBER + place, mac)


def _wired(device: GenericDevice) -> Iterator[DeviceInterface]:
    return (interface for interface in device.interfaces.values() if interface.link is not None)


def _commands(
    topology: Topology, ports: Sequence[Port], shared: Sequence[str], namespaces: Mapping[str, str]
) -> Iterator[Command]:
    """Namespaces first, then settings that interfaces take over, then wires, then what goes on them."""
    for namespace in namespaces.values():
        yield Command(Tool.IP, None, f"netns add {namespace}")
    for name in shared:
        yield from _bridge(namespaces[f"link/{name}"])
    for device in topology.devices.values():
        yield from (Command(Tool.SYSCTL, namespaces[device.id], setting) for setting in first_sysctls(device))
    for port in ports:
        yield from _wire(port, [other for other in ports if other.link == port.link], namespaces)
    for name in shared:
        yield from _join(namespaces[f"link/{name}"], sum(port.link == name for port in ports))
    for device in topology.devices.values():
        yield from _device(device, ports, topology, namespaces[device.id])


def _bridge(namespace: str) -> Iterator[Command]:
    for setting in _BRIDGE_SYSCTLS:
        yield Command(Tool.SYSCTL, namespace, setting)
    kind = "type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
    yield Command(Tool.IP, namespace, f"link add name br0 mtu {BRIDGE_PORT_MTU_BYTES} {kind}")


def _wire(port: Port, ends: Sequence[Port], namespaces: Mapping[str, str]) -> Iterator[Command]:
    """The veth pair from a port to the bridge of its link, or to the one other end, made with the first of them."""
    bridge = namespaces.get(f"link/{port.link}")
    if bridge is not None:
        far = f"name p{ends.index(port)} mtu {BRIDGE_PORT_MTU_BYTES} netns {bridge}"
    elif port is ends[0]:
        far = f"{_own_end(ends[1])} netns {namespaces[ends[1].device]}"
    else:
        return
    yield Command(Tool.IP, namespaces[port.device], f"link add {_own_end(port)} type veth peer {far}")


def _own_end(port: Port) -> str:
    interface = port.interface
    return f"name {interface.name} index {port.number} address {port.mac} mtu {interface.mtu_bytes}"


def _join(namespace: str, ends: int) -> Iterator[Command]:
    for place in range(ends):
        yield Command(Tool.IP, namespace, f"link set dev p{place} master br0 up")
    yield Command(Tool.IP, namespace, "link set dev br0 up")


def _device(device: GenericDevice, ports: Sequence[Port], topology: Topology, namespace: str) -> Iterator[Command]:
    own = [port for port in ports if port.device == device.id]
    there = {port.interface.name for port in own} | {"lo"}
    holders = {holder.id: holder for holder in topology.devices.values()}
    for port in own:
        yield Command(Tool.ETHTOOL, namespace, f"-K {port.interface.name} tx off")
    for port in own:
        yield from (Command(Tool.SYSCTL, namespace, setting) for setting in port_sysctls(port))
    texts = ["link set dev lo up", *(f"link set dev {port.interface.name} up" for port in own)]
    texts += address_texts(device, there)
    for port in own:
        texts += neighbour_texts(port, [(other, holders[other.device]) for other in ports if _is_beside(port, other)])
    texts += route_texts(device, there)
    yield from (Command(Tool.IP, namespace, text) for text in texts)
    rules = ruleset(device)
    if rules:
        yield Command(Tool.NFT, namespace, rules)
    for served in listening(device, namespace):
        yield Command(Tool.DAEMON, namespace, served.daemon)


def _is_beside(port: Port, other: Port) -> bool:
    """Whether two ports are on one link, of two devices."""
    return other.link == port.link and other.device != port.device


def _absent(topology: Topology) -> Iterator[str]:
    """What has no twin among the namespaces yet: the cloud's own devices."""
    for vcn in topology.vcns.values():
        yield vcn.id
    for things in (topology.gateways, topology.nodes, topology.pods, topology.load_balancers, topology.internet):
        yield from (thing.id for thing in things.values())
    for device in topology.devices.values():
        for interface in _wired(device):
            if interface.link not in topology.links:
                yield f"{device.id} {interface.name} ({interface.link})"


def _script(plan: Plan) -> Iterator[str]:
    yield "#!/bin/sh"
    yield "# Run as root.  Needs ip, nft, ethtool and socat; everything happens inside the namespaces."
    yield "set -e"
    for id_, namespace in plan.namespaces.items():
        yield f"# {namespace}: {id_}"
    for id_ in plan.absent:
        yield f"# not stood in for: {id_}"
    for (tool, namespace), group in groupby(plan.commands, key=lambda command: command[:2]):
        yield from _told(tool, namespace, [command.text for command in group])
    yield "# To take everything away:"
    for namespace in plan.namespaces.values():
        yield f"# ip netns pids {namespace} | xargs -r kill; ip netns del {namespace}"


def _told(tool: Tool, namespace: str | None, texts: list[str]) -> Iterator[str]:
    """Commands of one tool in one namespace as lines of a shell script."""
    within = f"ip netns exec {namespace}"
    match tool:
        case Tool.IP:
            yield "ip -batch - <<'END'" if namespace is None else f"ip -n {namespace} -batch - <<'END'"
            yield from [*texts, "END"]
        case Tool.SYSCTL:
            needed = [text for text in texts if not text.startswith("?")]
            wanted = [text[1:] for text in texts if text.startswith("?")]
            yield from (f"{within} sysctl -qw {text}" for text in _lines(needed))
            yield from (f"{within} sysctl -qew {text}" for text in _lines(wanted))
        case Tool.NFT:
            yield from (f"{within} nft -f - <<'END'\n{text}END" for text in texts)
        case Tool.ETHTOOL:
            yield from (f"{within} ethtool {text} >/dev/null" for text in texts)
        case Tool.DAEMON:
            yield from (f"{within} {text} </dev/null >/dev/null 2>&1 &" for text in texts)


def _lines(words: list[str], most: int = 4) -> Iterator[str]:
    """The words in lines of a few."""
    for start in range(0, len(words), most):
        yield " ".join(words[start : start + most])
