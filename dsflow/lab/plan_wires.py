"""The wires of a plan: a veth pair where there are two ends, else a bridge.

A link's bridge has a namespace of its own and is nothing but a wire.  A subnet's bridge is in the namespace of the
VCN's fabric, where the bridge itself is the virtual router's interface.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dsflow.lab.command import Command, Port, Tool
from dsflow.lab.plan_ports import INTERNET

__all__ = ["Wire", "wires"]

PORT_MTU_BYTES = 65535
"""Of a wire's bridge and of all bridges' ports: the largest, so that the devices' own MTUs alone decide."""

_FIRST_MEMBER = 1000
"""Interface numbers of the ports of a fabric's bridges, beyond those of its own interfaces."""

_KIND = "type bridge stp_state 0 forward_delay 0 mcast_snooping 0"

_SYSCTLS = (
    "net.ipv6.conf.all.disable_ipv6=1",
    "net.ipv6.conf.default.disable_ipv6=1",
    "?net.bridge.bridge-nf-call-iptables=0",
    "?net.bridge.bridge-nf-call-ip6tables=0",
    "?net.bridge.bridge-nf-call-arptables=0",
)
"""A bridge that is a wire: no addresses, no filters; a question mark stands before what a kernel may lack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """What joins some ports; ``router`` is the one that is the bridge itself, ``number`` tells such bridges apart."""

    link: str
    ends: tuple[Port, ...]
    router: Port | None = None
    number: int = 0

    @property
    def is_pair(self) -> bool:
        """Whether two ends make a pair."""
        return self.router is None and self.link != INTERNET and len(self.ends) == 2

    @property
    def id(self) -> str:
        """The name under which the plan has the bridge's namespace."""
        return f"link/{self.link}" if self.router is None else self.router.device

    def member(self, end: Port) -> str:
        """The bridge's port to an end."""
        place = self.ends.index(end)
        return f"p{place}" if self.router is None else f"s{self.number}p{place}"

    def members(self) -> dict[str, str]:
        """A fabric's ports as traces call them: by the subnet, load balancers and VNICs with a table by their own."""
        if self.router is None:
            return {}
        return {self.member(end): _own_name(end) or self.router.trace_name for end in self.ends}

    def bridge(self, namespaces: Mapping[str, str]) -> Iterator[Command]:
        """The bridge without its ports."""
        namespace = namespaces[self.id]
        if self.router is not None:
            told = f"name {self.router.name} index {self.router.number} address {self.router.mac}"
            yield Command(Tool.IP, namespace, f"link add {told} mtu {self.router.interface.mtu_bytes} {_KIND}")
            return
        for setting in _SYSCTLS:
            yield Command(Tool.SYSCTL, namespace, setting)
        yield Command(Tool.IP, namespace, f"link add name br0 mtu {PORT_MTU_BYTES} {_KIND}")

    def lay(self, namespaces: Mapping[str, str]) -> Iterator[Command]:
        """The pairs, each made from one of its ends."""
        for place, end in enumerate(self.ends):
            if not self.is_pair:
                member = f"name {self.member(end)} mtu {PORT_MTU_BYTES}"
                index = "" if self.router is None else f" index {_FIRST_MEMBER + 100 * self.number + place}"
                far = f"{member}{index} netns {namespaces[self.id]}"
            elif place == 0:
                far = f"{_own_end(self.ends[1])} netns {namespaces[self.ends[1].device]}"
            else:
                return
            yield Command(Tool.IP, namespaces[end.device], f"link add {_own_end(end)} type veth peer {far}")

    def join(self, namespaces: Mapping[str, str]) -> Iterator[Command]:
        """The ports put to the bridge; a fabric knows who is behind which, and learns nothing."""
        if self.is_pair:
            return
        namespace, bridge = namespaces[self.id], "br0" if self.router is None else self.router.name
        for end in self.ends:
            yield Command(Tool.IP, namespace, f"link set dev {self.member(end)} master {bridge} up")
            if self.link == INTERNET:  # an Internet gateway may send to an address that is behind itself
                yield Command(Tool.IP, namespace, f"link set dev {self.member(end)} type bridge_slave hairpin on")
        yield Command(Tool.IP, namespace, f"link set dev {bridge} up")
        for end in self.ends if self.router is not None else ():
            yield Command(Tool.BRIDGE, namespace, f"fdb replace {end.mac} dev {self.member(end)} master static")


def _own_name(end: Port) -> str | None:
    """What a fabric calls its interface to a load balancer, or to a VNIC that has a route table of its own."""
    if end.device.startswith("lb/"):
        return end.device
    return None if end.interface.route_table is None else f"{end.device}/{end.name}"


def _own_end(port: Port) -> str:
    return f"name {port.name} index {port.number} address {port.mac} mtu {port.interface.mtu_bytes}"


def wires(links: Sequence[str], ports: Sequence[Port]) -> list[Wire]:
    """The wires: links in the order written, then those of the cloud."""
    names = dict.fromkeys([*links, *(port.link for port in ports)])
    found = []
    for name in names:
        on_it = [port for port in ports if port.link == name]
        router = next((port for port in on_it if name.startswith("subnet/") and port.alias == name), None)
        number = 0 if router is None else int(router.name.removeprefix("br"))
        ends = tuple(port for port in on_it if port is not router)
        found.append(Wire(link=name, ends=ends, router=router, number=number))
    return found
