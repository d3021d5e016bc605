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
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import NamedTuple

from dsflow.model.cluster import Node, Pod
from dsflow.model.topology import Topology
from dsflow.model.vcn import Subnet, Vcn
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

    def add(self, box: Box, device: str | None = None) -> Box:
        """Take a box in, under the id of the device that it shows."""
        self.boxes.append(box)
        if device is not None:
            self.devices[device] = box
        return box

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the whole."""
        return max(box.right for box in self.boxes) + PAD, max(box.bottom for box in self.boxes) + PAD


PAD = 0.16
GAP = 0.12
TITLE = 0.26
LANE = 0.22
"""Under a node's title, where the paths of its pods run."""

POD = (1.24, 0.4)
DEVICE = (1.3, 0.46)
ROUTER_WIDTH = 0.3
SIDE_WIDTH = 2.5
"""Between the gateways' border of a VCN and its router: room for subnets without nodes."""

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
    layout = Layout()
    left = PAD
    if topology.internet:
        left = _internet(topology, layout) + 1.1
    if topology.gateways:
        left += DEVICE[0] / 2
    top = PAD
    for vcn in topology.vcns.values():
        top = _vcn(vcn, topology, layout, left, top, keep) + 3 * PAD
    return layout


def _internet(topology: Topology, layout: Layout) -> float:
    """The hosts outside, one under the other; gives the right edge of their region."""
    width, height = DEVICE
    hosts = list(topology.internet.values())
    region = Box(
        Role.INTERNET, PAD, PAD, width + 2 * PAD, TITLE + len(hosts) * (height + 2 * GAP) + GAP, "the Internet"
    )
    layout.add(region)
    for number, host in enumerate(hosts):
        y = region.y + TITLE + GAP + number * (height + 2 * GAP)
        detail = _address(host.ipv4) or _address(host.ipv6)
        layout.add(Box(Role.HOST, region.x + PAD, y, width, height, host.id, detail), host.id)
    return region.right


def _vcn(vcn: Vcn, topology: Topology, layout: Layout, left: float, top: float, keep: Collection[str]) -> float:
    """One VCN; gives its lower edge."""
    place = len(layout.boxes)  # a region lies under what it holds
    subnets = [subnet for subnet in topology.subnets.values() if subnet.vcn == vcn.name]
    housing = {node.subnet for node in topology.nodes.values()}
    inhabited = housing | {pod.subnet for pod in topology.pods.values()}
    balancers = {balancer.subnet for balancer in topology.load_balancers.values()}
    aside = [subnet for subnet in subnets if subnet.name not in housing and _stands_aside(subnet, inhabited, balancers)]
    gateways = [gateway for gateway in topology.gateways.values() if gateway.vcn == vcn.name]

    y = top + TITLE + PAD
    for gateway in gateways:
        kind = "" if gateway.enabled else "disabled"
        box = Box(Role.GATEWAY, left - DEVICE[0] / 2, y, *DEVICE, gateway.id, kind or _GATEWAY_WORDS[gateway.id.partition("/")[0]])
        layout.add(box, gateway.id)
        y += DEVICE[1] + 2 * GAP
    for subnet in aside:
        y = _aside(subnet, topology, layout, left + PAD, y + GAP) + GAP
    router_x = left + (SIDE_WIDTH if aside else DEVICE[0] / 2 + 3 * PAD if gateways else PAD)

    lower, right = y, router_x + ROUTER_WIDTH
    y = top + TITLE + PAD
    for subnet in subnets:
        if subnet.name in housing:
            region = _housing(subnet, topology, layout, router_x + ROUTER_WIDTH + 3 * PAD, y, keep)
            y, right = region.bottom + PAD, max(right, region.right)
            lower = max(lower, y)
    router = Box(Role.ROUTER, router_x, top + TITLE + PAD, ROUTER_WIDTH, lower - top - TITLE - 2 * PAD, vcn.id)
    layout.add(router, vcn.id)
    prefixes = [prefix for family in Family for prefix in vcn.prefixes(family)]
    region = Box(Role.VCN, left, top, right + PAD - left, lower - top, vcn.id, "  ".join(map(str, prefixes)))
    layout.boxes.insert(place, region)
    return region.bottom


_GATEWAY_WORDS = {"igw": "Internet gateway", "natgw": "NAT gateway", "sgw": "service gateway"}


def _stands_aside(subnet: Subnet, inhabited: Collection[str | None], balancers: Collection[str]) -> bool:
    """Whether a subnet gets a region of its own: one that holds pods only is drawn inside their nodes."""
    return subnet.name in balancers or subnet.name not in inhabited


def _aside(subnet: Subnet, topology: Topology, layout: Layout, left: float, top: float) -> float:
    """A subnet without nodes, with its load balancers; gives its lower edge."""
    width, height = DEVICE
    inside = [found for found in topology.load_balancers.values() if found.subnet == subnet.name]
    depth = TITLE + GAP + 0.15 * len(_prefixes(subnet)) + len(inside) * (height + GAP)
    lines = "\n".join(_prefixes(subnet))
    region = Box(Role.SUBNET, left, top, SIDE_WIDTH - 3 * PAD, depth, subnet.id, lines)
    layout.add(region)
    for number, balancer in enumerate(inside):
        y = region.bottom - (len(inside) - number) * (height + GAP)
        box = Box(Role.BALANCER, region.right - GAP - width, y, width, height, balancer.id, _address(balancer.ipv4))
        layout.add(box, balancer.id)
    return region.bottom


def _housing(
    subnet: Subnet, topology: Topology, layout: Layout, left: float, top: float, keep: Collection[str]
) -> Box:
    """A subnet with its nodes one under the other, above them its load balancers."""
    place = len(layout.boxes)
    y = top + TITLE + GAP / 2
    for balancer in topology.load_balancers.values():
        if balancer.subnet == subnet.name:
            box = Box(Role.BALANCER, left + PAD, y, *DEVICE, balancer.id, _address(balancer.ipv4))
            layout.add(box, balancer.id)
            y += DEVICE[1] + GAP
    nodes = [node for node in topology.nodes.values() if node.subnet == subnet.name]
    kept = {topology.pods[name].node for name in _pod_names(keep, topology)} | {
        device.removeprefix("node/") for device in keep
    }
    shown = _some(nodes, MOST_NODES, [node for node in nodes if node.name in kept])
    columns = _columns(topology)
    width = columns * (POD[0] + GAP) + 3 * GAP
    for node in shown:
        y = _node(node, topology, layout, left + PAD, y, width, columns, keep) + GAP
    if len(shown) < len(nodes):
        words = f"and {len(nodes) - len(shown)} more nodes"
        y = layout.add(Box(Role.MORE, left + PAD, y, width, TITLE, words)).bottom + GAP
    region = Box(Role.SUBNET, left, top, width + 2 * PAD, y + GAP / 2 - top, subnet.id, "  ".join(_prefixes(subnet)))
    layout.boxes.insert(place, region)
    return region


def _node(
    node: Node,
    topology: Topology,
    layout: Layout,
    left: float,
    top: float,
    width: float,
    columns: int,
    keep: Collection[str],
) -> float:
    """A node with its pods, those of one subnet together; gives its lower edge."""
    place = len(layout.boxes)
    y = top + TITLE + LANE
    for subnet, pods in _groups(node, topology):
        y = _pods(subnet, pods, layout, (left + GAP, y), width - 2 * GAP, columns, keep) + GAP
    addresses = "  ".join(filter(None, (_address(node.ipv4), _address(node.ipv6))))
    box = Box(Role.NODE, left, top, width, y - top, node.id, addresses)
    layout.boxes.insert(place, box)
    layout.devices[node.id] = box
    return box.bottom


def _groups(node: Node, topology: Topology) -> Iterator[tuple[str | None, list[Pod]]]:
    """The pods of a node by subnet, those on the host's network last."""
    groups: dict[str | None, list[Pod]] = {}
    for pod in topology.pods.values():
        if pod.node == node.name:
            groups.setdefault(pod.subnet, []).append(pod)
    yield from sorted(groups.items(), key=lambda group: group[0] is None)


def _pods(
    subnet: str | None,
    pods: list[Pod],
    layout: Layout,
    corner: tuple[float, float],
    width: float,
    columns: int,
    keep: Collection[str],
) -> float:
    """The pods of one subnet on one node, in rows; gives the region's lower edge."""
    shown = _some(pods, MOST_PODS, [pod for pod in pods if pod.id in keep])
    rows = -(-len(shown) // columns)
    left, top = corner
    words = "pods on the host's network" if subnet is None else f"pods in subnet/{subnet}"
    if len(shown) < len(pods):
        words += f", and {len(pods) - len(shown)} more"
    role = Role.HOST_PODS if subnet is None else Role.PODS
    region = layout.add(Box(role, left, top, width, GAP + rows * (POD[1] + GAP) + 0.13, words))
    for number, pod in enumerate(shown):
        row, column = divmod(number, columns)
        x, y = left + GAP + column * (POD[0] + GAP), top + GAP + row * (POD[1] + GAP)
        name, suffix = short_name(pod.name)
        detail = " ".join(filter(None, (suffix, _address(pod.ipv4))))
        role = Role.HOST_POD if pod.host_network else Role.POD
        layout.add(Box(role, x, y, *POD, name, detail), None if pod.host_network else pod.id)
    return region.bottom


def _columns(topology: Topology) -> int:
    """How many pods stand in a row: as many as the fullest group has, up to a limit."""
    largest = (len(pods) for node in topology.nodes.values() for _, pods in _groups(node, topology))
    return max(2, min(MOST_COLUMNS, max(largest, default=1)))


def _some[T](things: Sequence[T], most: int, kept: Iterable[T]) -> list[T]:
    return list(things)


_GENERATED = re.compile(r"(.+?)(?:-[a-z0-9]{8,10})?-([a-z0-9]{5})")
"""What a Deployment or DaemonSet makes of its name: perhaps the replica set's hash, then five characters."""


def short_name(pod: str) -> tuple[str, str]:
    """A pod's name without generated parts, and the last of those.

    >>> short_name("nginx-568f7cfd68-g4h2c"), short_name("kube-proxy-5cwj5"), short_name("client")
    (('nginx', 'g4h2c'), ('kube-proxy', '5cwj5'), ('client', ''))
    """
    found = _GENERATED.fullmatch(pod)
    return (found[1], found[2]) if found else (pod, "")
