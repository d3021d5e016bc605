"""Where everything of a topology stands in a drawing: rectangles in inches, y downwards; no drawing here.

::

    ┌Internet┐      ┌VCN──────────────────────────────────┐
    │ hosts  │   gateways ── r ┌subnet───────────────────┐ │
    └────────┘      │        o │ ┌node─────────────────┐ │ │
                    │ ┌sub-┐ u │ │ ┌pods of a subnet─┐ │ │ │
                    │ │net │ t │ │ └─────────────────┘ │ │ │
                    │ │ LB │ e │ │ ┌host network─────┐ │ │ │
                    │ └────┘ r │ └─────────────────────┘ │ │
                    └──────────┴─────────────────────────┴─┘

A pod stands in its node, in a region of the subnet that its address is from.  Where there are very many
nodes or pods, the rest is told by a number; what ``keep`` names is always there.  Generic devices stand in
their subnet, or under the Internet and left of the VCNs (:mod:`dsflow.report.outside`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from typing import TypeVar

from dsflow.model.cluster import Node, Pod
from dsflow.model.devices import GenericDevice
from dsflow.model.services import LoadBalancer
from dsflow.model.topology import Topology
from dsflow.model.vcn import (
    DynamicRoutingGateway,
    Gateway,
    InternetGateway,
    LocalPeeringGateway,
    NatGateway,
    ServiceGateway,
    Subnet,
    Vcn,
)
from dsflow.net.address import Address, Family
from dsflow.report.boxes import (
    ASIDE_WIDTH,
    BETWEEN,
    DEVICE,
    GAP,
    LABEL,
    LANE,
    PAD,
    POD,
    ROUTER_WIDTH,
    TITLE,
    Box,
    Layout,
    Role,
)
from dsflow.report.cards import Card
from dsflow.report.columns import is_inside
from dsflow.report.outside import Outside

__all__ = ["lay_out", "short_name"]

MOST_NODES = 12
MOST_PODS = 24
MOST_COLUMNS = 4


def lay_out(topology: Topology, *, keep: Collection[str] = ()) -> Layout:
    """The layout of a topology.

    Parameters
    ----------
    keep
        Ids of devices that are shown however many there are.
    """
    planner = _Planner(topology, frozenset(keep))
    outside = Outside(topology)
    lower, left = PAD, PAD
    if topology.internet or (outside.has_devices and topology.vcns):
        width = max(DEVICE[0] if topology.internet else 0.0, outside.width) + 2 * PAD
        left = PAD + width + max(BETWEEN, outside.gap_width - PAD)
        if topology.internet:
            lower = planner.internet(PAD + width).bottom + 2 * PAD
    elif topology.vcns:
        left += outside.gap_width
    if topology.gateways:
        left += 2 * GAP + DEVICE[0] / 2
    top = PAD
    for vcn in topology.vcns.values():
        top = planner.vcn(vcn, left, top).bottom + 2 * PAD
    if outside:
        planner.outside(outside, lower)
    return planner.layout


class _Planner:
    """Places regions from the outside in; a region is as deep as what it holds, and is put under it."""

    def __init__(self, topology: Topology, keep: frozenset[str]) -> None:
        self.topology = topology
        self.keep = keep
        self.layout = Layout()
        self.nodes: defaultdict[str, list[Node]] = defaultdict(list)
        self.balancers: defaultdict[str, list[LoadBalancer]] = defaultdict(list)
        self.pods: defaultdict[str, defaultdict[str | None, list[Pod]]] = defaultdict(lambda: defaultdict(list))
        self.appliances: defaultdict[str, list[GenericDevice]] = defaultdict(list)
        for device in filter(is_inside, topology.devices.values()):
            self.appliances[next(found.subnet for found in device.interfaces.values() if found.subnet)].append(device)
        for node in topology.nodes.values():
            self.nodes[node.subnet].append(node)
        for balancer in topology.load_balancers.values():
            self.balancers[balancer.subnet].append(balancer)
        for pod in topology.pods.values():
            self.pods[pod.node][pod.subnet].append(pod)
        self.pod_subnets = {pod.subnet for pod in topology.pods.values()}
        fullest = max((len(group) for groups in self.pods.values() for group in groups.values()), default=1)
        self.columns = max(2, min(MOST_COLUMNS, fullest))

    def internet(self, right: float) -> Box:
        """The hosts outside, one under the other, in a region that ends at ``right``."""
        width, height = DEVICE
        hosts = list(self.topology.internet.values())
        depth = TITLE + len(hosts) * (height + 2 * GAP)
        left = right - width - 2 * PAD
        region = self.layout.add(Box(Role.INTERNET, left, PAD, width + 2 * PAD, depth, "the Internet"))
        y = region.y + TITLE
        for host in hosts:
            words = host.id, _address(host.ipv4 or host.ipv6)
            self.layout.add(Box(Role.HOST, region.x + PAD, y, width, height, *words), host.id)
            y += height + 2 * GAP
        return region

    def outside(self, outside: Outside, top: float) -> None:
        """Generic devices outside the VCNs, beside a VCN in a region of their own."""
        if not self.topology.vcns or not outside.has_devices:
            outside.put(self.layout, PAD, top)
            return
        place = len(self.layout.boxes)
        internet = next((box for box in self.layout.boxes if box.role is Role.INTERNET), None)
        width = outside.width + 2 * PAD
        left = PAD if internet is None else max(PAD, internet.right - width)
        lower = outside.put(self.layout, left + PAD, top + TITLE + PAD)
        tops = [box.y for box in self.layout.boxes[place:]]
        start = min(tops) - TITLE - PAD
        region = Box(Role.PREMISES, left, start, width, lower + PAD - start, "on premises")
        self.layout.add(region, under=place)

    def vcn(self, vcn: Vcn, left: float, top: float) -> Box:
        """One VCN: gateways on its border, then subnets without nodes, the router, and subnets with nodes."""
        place = len(self.layout.boxes)
        subnets = [subnet for subnet in self.topology.subnets.values() if subnet.vcn == vcn.name]
        aside = [subnet for subnet in subnets if self._stands_aside(subnet)]
        gateways = [gateway for gateway in self.topology.gateways.values() if gateway.vcn == vcn.name]
        gateways.sort(key=lambda gateway: isinstance(gateway, DynamicRoutingGateway))  # nearest to what is on premises
        start = top + TITLE + PAD

        y = start
        for gateway in gateways:
            box = self._gateway(gateway, left - DEVICE[0] / 2, y)
            y = box.bottom + 2 * GAP
        aside_width = max([ASIDE_WIDTH, *(self._aside_width(subnet) for subnet in aside)])
        for subnet in aside:
            y = self._aside(subnet, left + PAD, y, aside_width).bottom + PAD
        lower = y

        narrow = DEVICE[0] / 2 + 3 * PAD if gateways else PAD
        router_x = left + (aside_width + 4 * PAD if aside else narrow)
        right = router_x + ROUTER_WIDTH
        y = start
        for subnet in subnets:
            if subnet.name in self.nodes:
                region = self._housing(subnet, router_x + ROUTER_WIDTH + 3 * PAD, y)
                y, right = region.bottom + PAD, max(right, region.right)
        lower = max(lower, y)
        self.layout.add(Box(Role.ROUTER, router_x, start, ROUTER_WIDTH, lower - PAD - start, vcn.id), vcn.id)
        words = vcn.id, _prefixes(vcn)
        region = self.layout.add(Box(Role.VCN, left, top, right + PAD - left, lower - top, *words), under=place)
        self._lead_around(subnets, region)
        return region

    def _gateway(self, gateway: Gateway, left: float, top: float) -> Box:
        words = _gateway_words(gateway)
        height = DEVICE[1] + 0.14 * words.count("\n")
        box = self.layout.add(Box(Role.GATEWAY, left, top, DEVICE[0], height, gateway.id, words), gateway.id)
        if isinstance(gateway, DynamicRoutingGateway):
            self.layout.ports[gateway.id, gateway.link] = box.x, box.middle[1]
        if isinstance(gateway, LocalPeeringGateway) and gateway.peer_id in self.layout.devices:
            self.layout.peerings.append((gateway.peer_id, gateway.id))
        return box

    def _lead_around(self, subnets: list[Subnet], vcn: Box) -> None:
        """Links of appliances beside nodes leave by the VCN's foot, not through what is left of them."""
        number = 0
        for subnet in subnets:
            for card in map(self._card, self.appliances[subnet.name] if subnet.name in self.nodes else ()):
                for interface in card.left:
                    if interface.subnet is None:
                        port = card.device.id, interface.name
                        x, y = self.layout.ports[port]
                        lane, foot = x - PAD - 0.1 * (1 + number), vcn.bottom + 0.1 * (1 + number)
                        self.layout.detours[port] = [(lane, y), (lane, foot)]
                        number += 1

    def _stands_aside(self, subnet: Subnet) -> bool:
        """Whether a subnet has a region left of the router: one that holds pods only is drawn inside their nodes."""
        if subnet.name in self.nodes:
            return False
        holds = subnet.name in self.balancers or subnet.name in self.appliances
        return holds or subnet.name not in self.pod_subnets

    def _card(self, device: GenericDevice) -> Card:
        """A device in a subnet: its interfaces in subnets look to the router, and beside nodes all do."""
        home = next(entry.subnet for entry in device.interfaces.values() if entry.subnet is not None)
        wired = [entry for entry in device.interfaces.values() if entry.link is not None]
        if home in self.nodes:
            return Card(device, wired, ())
        return Card(
            device,
            [entry for entry in wired if entry.subnet is None],
            [entry for entry in wired if entry.subnet is not None],
        )

    def _appliance(self, device: GenericDevice, left: float, top: float) -> Box:
        box = self._card(device).put(self.layout, left, top)
        for entry in device.interfaces.values():
            if entry.subnet is not None:
                vcn = self.topology.vcns[self.topology.subnets[entry.subnet].vcn]
                self.layout.fabrics[device.id, entry.name] = vcn.id
        return box

    def _aside_width(self, subnet: Subnet) -> float:
        return max((self._card(device).width + 2 * GAP for device in self.appliances[subnet.name]), default=0.0)

    def _aside(self, subnet: Subnet, left: float, top: float, width: float) -> Box:
        place = len(self.layout.boxes)
        prefixes = _prefixes(subnet).replace("  ", "\n")
        y = top + TITLE + 0.14 * (1 + prefixes.count("\n")) + GAP
        for balancer in self.balancers[subnet.name]:
            words = balancer.id, _address(balancer.ipv4 or balancer.ipv6)
            box = Box(Role.BALANCER, left + width - DEVICE[0] - GAP, y, *DEVICE, *words)
            y = self.layout.add(box, balancer.id).bottom + GAP
        for device in self.appliances[subnet.name]:
            x = left + width - self._card(device).width - GAP
            y = self._appliance(device, x, y).bottom + GAP
        return self.layout.add(Box(Role.SUBNET, left, top, width, y - top, subnet.id, prefixes), under=place)

    def _housing(self, subnet: Subnet, left: float, top: float) -> Box:
        """A subnet with its nodes, and above them its load balancers and appliances."""
        place = len(self.layout.boxes)
        width = self.columns * (POD[0] + GAP) + 3 * GAP
        y = top + TITLE + GAP / 2
        for balancer in self.balancers[subnet.name]:
            box = Box(Role.BALANCER, left + PAD, y, *DEVICE, balancer.id, _address(balancer.ipv4 or balancer.ipv6))
            y = self.layout.add(box, balancer.id).bottom + GAP
        for device in self.appliances[subnet.name]:
            box = self._appliance(device, left + PAD, y)
            y, width = box.bottom + GAP, max(width, box.width)
        nodes = self.nodes[subnet.name]
        kept = {self.topology.pods[found[4:]].node for found in self.keep if found.startswith("pod/")}
        shown = _some(nodes, MOST_NODES, [node for node in nodes if node.id in self.keep or node.name in kept])
        for node in shown:
            y = self._node(node, left + PAD, y, width).bottom + GAP
        if len(shown) < len(nodes):
            rest = f"and {len(nodes) - len(shown)} more nodes"
            y = self.layout.add(Box(Role.MORE, left + PAD, y, width, TITLE, rest)).bottom + GAP
        words = subnet.id, _prefixes(subnet)
        return self.layout.add(Box(Role.SUBNET, left, top, width + 2 * PAD, y - top, *words), under=place)

    def _node(self, node: Node, left: float, top: float, width: float) -> Box:
        """A node with its pods, those of one subnet together and those on its own network last."""
        place = len(self.layout.boxes)
        y = top + TITLE + LANE
        for subnet, pods in sorted(self.pods[node.name].items(), key=lambda group: group[0] is None):
            y = self._pods(subnet, pods, left + GAP, y, width - 2 * GAP).bottom + GAP
        words = "  ".join(filter(None, (_address(node.ipv4), _address(node.ipv6))))
        return self.layout.add(Box(Role.NODE, left, top, width, y - top, node.id, words), node.id, under=place)

    def _pods(self, subnet: str | None, pods: list[Pod], left: float, top: float, width: float) -> Box:
        place = len(self.layout.boxes)
        shown = _some(pods, MOST_PODS, [pod for pod in pods if pod.id in self.keep])
        for number, pod in enumerate(shown):
            row, column = divmod(number, self.columns)
            x, y = left + GAP + column * (POD[0] + GAP), top + GAP + row * (POD[1] + GAP)
            name, suffix = short_name(pod.name)
            detail = " ".join(filter(None, (suffix, _address(pod.ipv4 or pod.ipv6))))
            role = Role.HOST_POD if pod.host_network else Role.POD
            self.layout.add(Box(role, x, y, *POD, name, detail), None if pod.host_network else pod.id)
        rows = -(-len(shown) // self.columns)
        words = "pods on the node's own network" if subnet is None else f"pods in subnet/{subnet}"
        if len(shown) < len(pods):
            words += f", and {len(pods) - len(shown)} more"
        role = Role.HOST_PODS if subnet is None else Role.PODS
        return self.layout.add(Box(role, left, top, width, rows * (POD[1] + GAP) + GAP + LABEL, words), under=place)


_Thing = TypeVar("_Thing")


def _some(things: list[_Thing], most: int, kept: list[_Thing]) -> list[_Thing]:
    """The first of many things, in their order, with those that are to be kept."""
    if len(things) <= most:
        return things
    shown = {*map(id, kept), *map(id, things[:most])}
    return [thing for thing in things if id(thing) in shown]


def _address(address: Address | None) -> str:
    return "" if address is None else str(address)


def _prefixes(holder: Vcn | Subnet) -> str:
    return "  ".join(str(prefix) for family in Family for prefix in holder.prefixes(family))


def _gateway_words(gateway: Gateway) -> str:
    match gateway:
        case InternetGateway():
            words = "Internet gateway"
        case NatGateway():
            words = f"NAT {gateway.public_ipv4}"
        case ServiceGateway():
            words = "service gateway"
        case DynamicRoutingGateway():
            words = "\n".join(["DRG", *map(str, gateway.addresses)])
        case LocalPeeringGateway():
            words = f"peer of {gateway.peer_id}"
    return words if gateway.enabled else "disabled"


_GENERATED = re.compile(r"(.+?)(?:-[a-z0-9]{8,10})?-([a-z0-9]{5})")
"""What a Deployment or DaemonSet makes of its name: perhaps the replica set's hash, then five characters."""


def short_name(pod: str) -> tuple[str, str]:
    """A pod's name without generated parts, and the last of those.

    >>> short_name("nginx-568f7cfd68-g4h2c"), short_name("kube-proxy-5cwj5"), short_name("client")
    (('nginx', 'g4h2c'), ('kube-proxy', '5cwj5'), ('client', ''))
    """
    found = _GENERATED.fullmatch(pod)
    return (found[1], found[2]) if found else (pod, "")
