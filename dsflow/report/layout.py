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
nodes or pods, the rest is told by a number; what ``keep`` names is always there.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, TypeVar

from dsflow.model.cluster import Node, Pod
from dsflow.model.services import LoadBalancer
from dsflow.model.topology import Topology
from dsflow.model.vcn import DynamicRoutingGateway, Gateway, InternetGateway, NatGateway, ServiceGateway, Subnet, Vcn
from dsflow.net.address import Address, Family

__all__ = ["Box", "Layout", "Role", "lay_out", "short_name"]


class Role(Enum):
    """What a rectangle stands for; a drawing gives each its own look."""

    INTERNET = "internet"
    VCN = "vcn"
    SUBNET = "subnet"
    NODE = "node"
    PODS = "pods"
    HOST_PODS = "host-pods"
    ROUTER = "router"
    GATEWAY = "gateway"
    BALANCER = "balancer"
    HOST = "host"
    POD = "pod"
    HOST_POD = "host-pod"
    MORE = "more"


class Box(NamedTuple):
    """A rectangle with its words: ``title`` in the first line, ``detail`` in the second."""

    role: Role
    x: float
    y: float
    width: float
    height: float
    title: str
    detail: str = ""

    @property
    def right(self) -> float:
        """The x of the right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of the lower edge."""
        return self.y + self.height

    @property
    def middle(self) -> tuple[float, float]:
        """The centre."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(slots=True)
class Layout:
    """The boxes in drawing order, and those of devices by id."""

    boxes: list[Box] = field(default_factory=list)
    devices: dict[str, Box] = field(default_factory=dict)

    def add(self, box: Box, device: str | None = None, *, under: int | None = None) -> Box:
        """Take a box in, with the id of the device that it shows, perhaps under those from a place on."""
        self.boxes.insert(len(self.boxes) if under is None else under, box)
        if device is not None:
            self.devices[device] = box
        return box

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the whole."""
        return max(box.right for box in self.boxes) + PAD, max(box.bottom for box in self.boxes) + PAD


PAD = 0.16
GAP = 0.15
TITLE = 0.26
LANE = 0.22
"""Under a node's title, where the paths of its pods run."""

POD = (1.4, 0.42)
DEVICE = (1.3, 0.46)
ROUTER_WIDTH = 0.3
BETWEEN = 0.6
"""From the Internet's region to what is next to it: room for arrows."""
ASIDE_WIDTH = 1.6
"""Of a subnet without nodes, which stands between the border and the router."""
LABEL = 0.12

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
    left = planner.internet() if topology.internet else PAD
    if topology.gateways:
        left += 2 * GAP + DEVICE[0] / 2
    top = PAD
    for vcn in topology.vcns.values():
        top = planner.vcn(vcn, left, top).bottom + 2 * PAD
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
        for node in topology.nodes.values():
            self.nodes[node.subnet].append(node)
        for balancer in topology.load_balancers.values():
            self.balancers[balancer.subnet].append(balancer)
        for pod in topology.pods.values():
            self.pods[pod.node][pod.subnet].append(pod)
        self.pod_subnets = {pod.subnet for pod in topology.pods.values()}
        fullest = max((len(group) for groups in self.pods.values() for group in groups.values()), default=1)
        self.columns = max(2, min(MOST_COLUMNS, fullest))

    def internet(self) -> float:
        """The hosts outside, one under the other; gives the x where a VCN's border may stand."""
        width, height = DEVICE
        hosts = list(self.topology.internet.values())
        depth = TITLE + len(hosts) * (height + 2 * GAP)
        region = self.layout.add(Box(Role.INTERNET, PAD, PAD, width + 2 * PAD, depth, "the Internet"))
        y = region.y + TITLE
        for host in hosts:
            words = host.id, _address(host.ipv4 or host.ipv6)
            self.layout.add(Box(Role.HOST, region.x + PAD, y, width, height, *words), host.id)
            y += height + 2 * GAP
        return region.right + BETWEEN

    def vcn(self, vcn: Vcn, left: float, top: float) -> Box:
        """One VCN: gateways on its border, then subnets without nodes, the router, and subnets with nodes."""
        place = len(self.layout.boxes)
        subnets = [subnet for subnet in self.topology.subnets.values() if subnet.vcn == vcn.name]
        aside = [subnet for subnet in subnets if self._stands_aside(subnet)]
        gateways = [gateway for gateway in self.topology.gateways.values() if gateway.vcn == vcn.name]
        start = top + TITLE + PAD

        y = start
        for gateway in gateways:
            box = Box(Role.GATEWAY, left - DEVICE[0] / 2, y, *DEVICE, gateway.id, _gateway_words(gateway))
            y = self.layout.add(box, gateway.id).bottom + 2 * GAP
        for subnet in aside:
            y = self._aside(subnet, left + PAD, y).bottom + PAD
        lower = y

        narrow = DEVICE[0] / 2 + 3 * PAD if gateways else PAD
        router_x = left + (ASIDE_WIDTH + 4 * PAD if aside else narrow)
        right = router_x + ROUTER_WIDTH
        y = start
        for subnet in subnets:
            if subnet.name in self.nodes:
                region = self._housing(subnet, router_x + ROUTER_WIDTH + 3 * PAD, y)
                y, right = region.bottom + PAD, max(right, region.right)
        lower = max(lower, y)
        self.layout.add(Box(Role.ROUTER, router_x, start, ROUTER_WIDTH, lower - PAD - start, vcn.id), vcn.id)
        words = vcn.id, _prefixes(vcn)
        return self.layout.add(Box(Role.VCN, left, top, right + PAD - left, lower - top, *words), under=place)

    def _stands_aside(self, subnet: Subnet) -> bool:
        """Whether a subnet has a region left of the router: one that holds pods only is drawn inside their nodes."""
        return subnet.name not in self.nodes and (subnet.name in self.balancers or subnet.name not in self.pod_subnets)

    def _aside(self, subnet: Subnet, left: float, top: float) -> Box:
        place = len(self.layout.boxes)
        prefixes = _prefixes(subnet).replace("  ", "\n")
        y = top + TITLE + 0.14 * (1 + prefixes.count("\n")) + GAP
        for balancer in self.balancers[subnet.name]:
            words = balancer.id, _address(balancer.ipv4)
            box = Box(Role.BALANCER, left + ASIDE_WIDTH - DEVICE[0] - GAP, y, *DEVICE, *words)
            y = self.layout.add(box, balancer.id).bottom + GAP
        return self.layout.add(Box(Role.SUBNET, left, top, ASIDE_WIDTH, y - top, subnet.id, prefixes), under=place)

    def _housing(self, subnet: Subnet, left: float, top: float) -> Box:
        """A subnet with its nodes, and above them its load balancers."""
        place = len(self.layout.boxes)
        width = self.columns * (POD[0] + GAP) + 3 * GAP
        y = top + TITLE + GAP / 2
        for balancer in self.balancers[subnet.name]:
            box = Box(Role.BALANCER, left + PAD, y, *DEVICE, balancer.id, _address(balancer.ipv4))
            y = self.layout.add(box, balancer.id).bottom + GAP
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
            words = "DRG"
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
