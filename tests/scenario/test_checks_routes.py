"""Routes of generic devices: what Linux would refuse is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenario.helpers import built, problems

ROUTE = "devices.r0.routes[0]"


def told(*routes: dict[str, Any]) -> list[str]:
    """The problems of r0 with these routes."""
    return problems({"expect": [], "flows": [], "devices.r0.routes": list(routes)}, "two-routers")


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ({}, ": neither via nor interface: expected a next hop, an interface, or another type"),
        ({"metric": 5}, ": neither via nor interface: expected a next hop, an interface, or another type"),
        (
            {"via": "10.1.2.2"},
            '.via: "10.1.2.2": expected an address on the link of an interface (10.1.0.0/24 or 10.1.1.0/24)',
        ),
        (
            {"via": "10.1.0.2", "interface": "e1"},
            '.via: "10.1.0.2": expected an address on the link of e1 (10.1.1.0/24)',
        ),
        (
            {"via": "10.1.0.1"},
            '.via: "10.1.0.1", an address of device/r0 itself: expected the address of a neighbour',
        ),
        (
            {"via": "10.1.0.255"},
            '.via: "10.1.0.255", a broadcast address: expected the address of a neighbour',
        ),
        (
            {"via": "192.0.2.1"},
            '.via: "192.0.2.1", an address of device/r0 itself: expected the address of a neighbour',
        ),
        ({"interface": "e7"}, '.interface: "e7": there is no interface of that name'),
        ({"interface": "lo"}, '.interface: "lo": expected an interface on a link'),
        ({"via": "fd00:1::2"}, '.via: "fd00:1::2": expected an IPv4 address, as 10.9.0.0/16 is'),
        (
            {"via": "10.1.0.2", "source": "fd00:1::1"},
            '.source: "fd00:1::1": expected an IPv4 address, as 10.9.0.0/16 is',
        ),
        (
            {"via": "10.1.0.2", "source": "10.1.0.2"},
            '.source: "10.1.0.2": expected an address of device/r0 itself',
        ),
        ({"via": "10.1.0.2", "mtu": 1501}, ".mtu: 1501: expected at most 1500, the MTU of e0"),
        (
            {"type": "blackhole", "via": "10.1.0.2"},
            ".via: a route of type blackhole with via: expected to, type and metric",
        ),
        ({"type": "throw", "interface": "e0"}, ".interface: a route of type throw with interface: expected to, type"),
        ({"type": "prohibit", "mtu": 1000}, ".mtu: a route of type prohibit with mtu: expected to, type and metric"),
        ({"type": "unreachable", "source": "10.1.0.1"}, ".source: a route of type unreachable with source: expected"),
    ],
)
def test_a_route_that_linux_refuses_is_refused(route: dict[str, Any], expected: str) -> None:
    (problem,) = told({"to": "10.9.0.0/16", **route})
    assert problem.startswith(f"{ROUTE}{expected}")


def test_an_ipv6_route_has_an_mtu_that_ipv6_runs_with() -> None:
    route = {"to": "fd00:9::/64", "via": "fd00:1::2", "mtu": 1279}
    assert told(route) == [f"{ROUTE}.mtu: 1279: expected at least 1280 in IPv6"]


def test_every_problem_of_a_route_is_told() -> None:
    route = {"to": "10.9.0.0/16", "via": "10.1.9.9", "source": "10.1.9.9", "mtu": 9000, "interface": "e0"}
    assert len(told(route)) == 3


def test_a_next_hop_may_not_be_on_link_by_a_later_route() -> None:
    later = {"to": "172.16.0.1/32", "interface": "e0"}
    (problem,) = told({"to": "10.9.0.0/16", "via": "172.16.0.1"}, later)
    assert '"172.16.0.1": expected an address on the link of an interface' in problem


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        (
            [{"to": "10.9.0.0/16", "via": "10.1.0.2"}, {"to": "10.9.0.0/16", "type": "blackhole"}],
            'devices.r0.routes[1]: "10.9.0.0/16" with metric 0, as routes[0] has already: expected another metric',
        ),
        (
            [
                {"to": "fd00:9::/64", "type": "throw", "metric": 0},
                {"to": "fd00:9::/64", "type": "throw", "metric": 1024},
            ],
            'devices.r0.routes[1]: "fd00:9::/64" with metric 1024, as routes[0] has already: expected another metric',
        ),
        (
            [{"to": "10.1.0.0/24", "via": "10.1.1.2"}],
            f'{ROUTE}: "10.1.0.0/24" with metric 0, as the connected route of e0 has already: expected another metric',
        ),
        (
            [{"to": "fd00:1:1::/64", "type": "throw", "metric": 256}],
            f'{ROUTE}: "fd00:1:1::/64" with metric 256, as the connected route of e1 has already: '
            "expected another metric",
        ),
    ],
)
def test_a_prefix_and_metric_are_taken_once(routes: list[dict[str, Any]], expected: str) -> None:
    assert told(*routes) == [expected]


@pytest.mark.parametrize(
    "routes",
    [
        [{"to": "10.9.0.0/16", "via": "10.1.0.2"}, {"to": "10.9.0.0/16", "via": "10.1.1.2", "metric": 1}],
        [{"to": "10.1.0.0/24", "via": "10.1.1.2", "metric": 1}],
        [{"to": "fd00:1::/64", "via": "fd00:1:1::2"}],
        [{"to": "10.9.0.0/16", "via": "10.1.0.2", "mtu": 68, "source": "192.0.2.1"}],
        [{"to": "0.0.0.0/0", "type": "unreachable", "metric": 4294967295}, {"to": "::/0", "interface": "e1"}],
    ],
)
def test_what_linux_takes_is_taken(routes: list[dict[str, Any]]) -> None:
    changes = {"expect": [], "flows": [], "devices.r0.routes": routes}
    assert len(built(changes, "two-routers").devices["r0"].routes) == len(routes)


def test_a_connected_route_of_an_interface_without_ipv6_is_not_in_the_way() -> None:
    changes = {"expect": [], "flows": [], "devices.h0.interfaces.e0.mtu": 1000}
    again = {"devices.h0.routes": [{"to": "fd00:1::/64", "type": "throw", "metric": 256}]}
    assert built(changes | again, "two-routers").devices["h0"].routes


def test_the_next_hop_in_a_subnet_is_its_virtual_router() -> None:
    """The fabric takes everything there; to another VNIC leads a rule of the VCN."""
    changes = {"expect": [], "flows": [], "devices.database.routes": [{"to": "0.0.0.0/0", "via": "10.0.8.9"}]}
    assert problems(changes, "onprem-firewall") == [
        'devices.database.routes[0].via: "10.0.8.9": '
        "expected 10.0.8.1, the virtual router of the subnet; more is not modelled"
    ]
    narrow = {"devices.database.interfaces.vnic.addresses": ["10.0.8.5/32", "2001:db8:7:8::5/64"]}
    on_link = [{"to": "10.0.8.1/32", "interface": "vnic"}, {"to": "0.0.0.0/0", "via": "10.0.8.1"}]
    routes = built(narrow | {"devices.database.routes": on_link}, "onprem-firewall").devices["database"].routes
    assert routes[1].interface == "vnic"
