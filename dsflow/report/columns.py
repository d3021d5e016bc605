"""Which column of a drawing a generic device stands in, and between which columns its links run.

Every link joins devices of one column or of two that are neighbours, since both are counted from the same
beginning: from the VCN's border to the left, or, where no link leads to a VCN, from a far device to the right.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dsflow.model.devices import GenericDevice
from dsflow.model.topology import Topology
from dsflow.model.vcn import DynamicRoutingGateway
from dsflow.report.boxes import Port

__all__ = ["Group", "groups", "is_inside", "on_links"]


@dataclass(frozen=True, slots=True)
class Group:
    """Devices that links join: columns from the left to the right, and the links left and right of each.

    An ``anchored`` group leads to a VCN, which stands right of its last gap.
    """

    columns: list[list[GenericDevice]]
    gaps: list[list[str]]
    anchored: bool


def is_inside(device: GenericDevice) -> bool:
    """Whether a device stands in a subnet of a VCN."""
    return any(interface.subnet is not None for interface in device.interfaces.values())


def on_links(topology: Topology) -> dict[str, list[Port]]:
    """The interfaces on every link that has some, in the order written, DRGs last."""
    found: dict[str, list[Port]] = {name: [] for name in topology.links}
    for device in topology.devices.values():
        for interface in device.interfaces.values():
            if interface.link is not None and interface.subnet is None:
                found[interface.link].append((device.id, interface.name))
    for gateway in topology.gateways.values():
        if isinstance(gateway, DynamicRoutingGateway):
            found[gateway.link].append((gateway.id, gateway.link))
    return {name: ports for name, ports in found.items() if ports}


def groups(topology: Topology) -> list[Group]:
    """The groups of a topology's devices outside VCNs: first what leads to a VCN, then the rest as written."""
    outside = {device.id: device for device in topology.devices.values() if not is_inside(device)}
    members = {name: [device for device, _ in ports] for name, ports in on_links(topology).items()}
    anchors = [device for devices in members.values() for device in devices if device not in outside]
    found: list[Group] = []
    placed: set[str] = set()
    if anchors:
        steps = _Steps.counted(members, anchors)
        found.append(_towards_vcn(steps, outside))
        placed.update(steps.devices)
    for device in outside:
        if device not in placed:
            steps = _Steps.counted(members, [_far(members, device)])
            found.append(_from_left(steps, outside, members))
            placed.update(steps.devices)
    return found


@dataclass(frozen=True, slots=True)
class _Steps:
    """How many links devices and links are from a beginning."""

    devices: dict[str, int]
    links: dict[str, int]

    @classmethod
    def counted(cls, members: Mapping[str, list[str]], roots: Iterable[str]) -> _Steps:
        """Every device and link that can be reached, nearest first."""
        devices, links = dict.fromkeys(roots, 0), dict[str, int]()
        waiting = deque(devices)
        while waiting:
            here = waiting.popleft()
            for link in (name for name, ends in members.items() if here in ends and name not in links):
                links[link] = devices[here]
                for other in members[link]:
                    if other not in devices:
                        devices[other] = devices[here] + 1
                        waiting.append(other)
        return cls(devices, links)


def _far(members: Mapping[str, list[str]], device: str) -> str:
    """The device of a group from which it is farthest to another: the beginning of its longest way."""
    group = _Steps.counted(members, [device]).devices
    return max(group, key=lambda name: max(_Steps.counted(members, [name]).devices.values()))


def _towards_vcn(steps: _Steps, outside: Mapping[str, GenericDevice]) -> Group:
    most = max(steps.devices.values())
    columns: list[list[GenericDevice]] = [[] for _ in range(most)]
    gaps: list[list[str]] = [[] for _ in range(most + 1)]
    for name, device in outside.items():
        if name in steps.devices:
            columns[most - steps.devices[name]].append(device)
    for link, distance in steps.links.items():
        gaps[most - distance].append(link)
    return Group(columns, gaps, anchored=True)


def _from_left(steps: _Steps, outside: Mapping[str, GenericDevice], members: Mapping[str, list[str]]) -> Group:
    place = steps.devices | dict.fromkeys(_beside_first(steps, members), 0)
    most = max(place.values()) + 1
    columns: list[list[GenericDevice]] = [[] for _ in range(most)]
    gaps: list[list[str]] = [[] for _ in range(most + 1)]
    for name, device in outside.items():
        if name in place:
            columns[place[name]].append(device)
    for link, distance in steps.links.items():
        gaps[distance + 1].append(link)
    return Group(columns, gaps, anchored=False)


def _beside_first(steps: _Steps, members: Mapping[str, list[str]]) -> list[str]:
    """Who stands with the first device, left of its link: others that are on no other link, or a half of them."""
    first = next(iter(steps.devices))
    links = [link for link, ends in members.items() if first in ends]
    if len(links) != 1:
        return []
    others = [name for name in members[links[0]] if name != first]
    leaves = [name for name in others if sum(name in ends for ends in members.values()) == 1]
    return leaves if len(leaves) < len(others) else leaves[: len(leaves) // 2]
