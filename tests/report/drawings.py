"""What holds for every drawing, and a network in which everything that can be drawn stands."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations, pairwise
from random import Random

import pytest

import dsflow
from dsflow import Simulation
from dsflow.report.boxes import Box, Layout, Note, Point, Role
from tests.networks import random_network

LINUX = (Role.LINUX_HOST, Role.LINUX_ROUTER)
NETWORKS = range(30)
DEVICES_ALONE = ("two-routers", "nat-box", "lan-segment")


@cache
def network(seed: int) -> Simulation:
    """A generated network."""
    return dsflow.load(random_network(Random(seed)))


@cache
def everything() -> Simulation:
    """Two VCNs with DRGs on one segment, appliances beside nodes and apart, and devices that lead nowhere."""
    appliance = {"forwarding": True}
    vnic = {"source_destination_check": False}
    return dsflow.load(
        {
            "apiVersion": "dsflow/v1",
            "name": "everything",
            "vcns": {"a": {"ipv4": ["10.0.0.0/16"]}, "b": {"ipv4": ["10.1.0.0/16"]}},
            "gateways": {
                "d": {"kind": "drg", "vcn": "a", "link": "wan", "addresses": ["10.255.0.1/24"]},
                "e": {"kind": "drg", "vcn": "b", "link": "wan", "addresses": ["10.255.0.3/24"]},
                "igw": {"kind": "internet", "vcn": "a"},
                "to-b": {"kind": "lpg", "vcn": "a", "peer": "to-a"},
                "to-a": {"kind": "lpg", "vcn": "b", "peer": "to-b"},
            },
            "subnets": {
                "n": {"vcn": "a", "ipv4": "10.0.1.0/24"},
                "f": {"vcn": "a", "ipv4": "10.0.2.0/24"},
                "g": {"vcn": "a", "ipv4": "10.0.3.0/24"},
                "bn": {"vcn": "b", "ipv4": "10.1.1.0/24"},
            },
            "nodes": {"n1": {"subnet": "n", "ipv4": "10.0.1.10"}},
            "pods": {"default/p": {"node": "n1", "subnet": "n", "ipv4": "10.0.1.20", "listen": ["tcp/80"]}},
            "internet": {"web": {"ipv4": "198.51.100.80", "listen": ["tcp/443"]}},
            "links": {"wan": {}, "lan": {}, "dmz": {}, "alone": {}, "management": {}},
            "devices": {
                "fw": appliance
                | {
                    "interfaces": {
                        "v0": vnic | {"link": "subnet/f", "addresses": ["10.0.2.5/24"]},
                        "v1": vnic | {"link": "subnet/g", "addresses": ["10.0.3.5/24"]},
                        "e0": {"link": "dmz", "addresses": ["172.16.0.1/24"]},
                    },
                    "routes": [{"to": "0.0.0.0/0", "via": "10.0.2.1"}],
                },
                "beside": appliance
                | {
                    "interfaces": {
                        "v0": vnic | {"link": "subnet/n", "addresses": ["10.0.1.5/24"]},
                        "e0": {"link": "dmz", "addresses": ["172.16.0.2/24"]},
                        "e1": {"link": "management", "addresses": ["172.16.1.2/24"]},
                    },
                    "routes": [{"to": "0.0.0.0/0", "via": "10.0.1.1"}],
                },
                "m": _host("management", "172.16.1.9/24", "172.16.1.2"),
                "edge": appliance
                | {
                    "interfaces": {
                        "w": {"link": "wan", "addresses": ["10.255.0.2/24"]},
                        "l": {"link": "lan", "addresses": ["192.168.1.1/24"]},
                    },
                    "routes": [{"to": "10.0.0.0/16", "via": "10.255.0.1"}],
                },
                "h": _host("lan", "192.168.1.2/24", "192.168.1.1"),
                "d1": _host("dmz", "172.16.0.9/24", "172.16.0.2"),
                "a1": _host("alone", "172.17.0.9/24", "172.17.0.10"),
                "a2": _host("alone", "172.17.0.10/24", "172.17.0.9"),
                "z": {"interfaces": {"lo": {"addresses": ["192.0.2.77/32"]}}},
            },
        }
    )


def _host(link: str, address: str, via: str) -> dict[str, object]:
    return {
        "interfaces": {"e0": {"link": link, "addresses": [address]}},
        "routes": [{"to": "0.0.0.0/0", "via": via}],
    }


def holds(outer: Box, inner: Box) -> bool:
    """Whether a box is inside another."""
    return outer.x <= inner.x and outer.y <= inner.y and inner.right <= outer.right and inner.bottom <= outer.bottom


def apart(one: Box, other: Box) -> bool:
    """Whether two boxes have nothing in common."""
    return one.right <= other.x or other.right <= one.x or one.bottom <= other.y or other.bottom <= one.y


def assert_tidy(drawn: Layout) -> None:
    """Two boxes are nested or apart; a gateway stands on its VCN's border; what holds is drawn before what it holds."""
    for below, above in combinations(drawn.boxes, 2):
        if apart(below, above):
            continue
        if {below.role, above.role} == {Role.VCN, Role.GATEWAY}:
            assert below.x == pytest.approx(above.middle[0])
            continue
        assert holds(below, above), (below, above)
    width, height = drawn.size
    assert all(0 <= box.x < box.right <= width and 0 <= box.y < box.bottom <= height for box in drawn.boxes)


def pieces(drawn: Layout) -> Iterator[tuple[str, Point, Point]]:
    """The straight pieces of every link, with its name."""
    for cable in drawn.cables:
        upper, lower = cable.span
        yield cable.name, (cable.x, upper), (cable.x, lower)
        for line in cable.ends.values():
            yield from ((cable.name, start, end) for start, end in pairwise(line))


def runs_through(box: Box, start: Point, end: Point) -> bool:
    """Whether a level or upright piece passes the inside of a box."""
    near = 1e-6
    (left, right), (top, bottom) = sorted((start[0], end[0])), sorted((start[1], end[1]))
    across = left < box.right - near and right > box.x + near
    return across and top < box.bottom - near and bottom > box.y + near


def note_box(note: Note) -> Box:
    """The room of a note."""
    left = {"left": note.x, "center": note.x - note.width / 2, "right": note.x - note.width}[note.align]
    height = note.points / 72
    return Box(Role.MORE, left, note.y - height / 2, note.width, height, note.text)
