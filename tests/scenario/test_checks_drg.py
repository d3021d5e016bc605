"""Dynamic routing gateways: what is refused, with its place, and what is only said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsflow.model.vcn import DynamicRoutingGateway
from dsflow.net.address import Address, Prefix
from tests.scenario.helpers import TEXT, built, problems, problems_of_text

OFFICE = "gateways.office"
QUIET: dict[str, Any] = {"expect": [], "flows": []}


def told(changes: dict[str, Any]) -> list[str]:
    return problems(QUIET | changes, "onprem-firewall")


def findings(changes: dict[str, Any]) -> list[str]:
    found = built(QUIET | changes, "onprem-firewall").findings
    return [f"{finding.path}: {finding.found}" for finding in found]


def test_it_is_what_its_text_says() -> None:
    gateway = built({}, "onprem-firewall").gateways["office"]
    assert isinstance(gateway, DynamicRoutingGateway)
    assert (gateway.id, gateway.vcn, gateway.link, gateway.enabled) == ("drg/office", "oke", "wan", True)
    assert [str(entry) for entry in gateway.addresses] == ["10.255.0.1/30", "fd00:ff::1/64"]
    first = gateway.routes[0]
    assert (first.to, first.via) == (Prefix.parse("192.168.0.0/16"), Address.parse("10.255.0.2"))
    assert first.source.startswith("onprem-firewall.yaml:")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({f"{OFFICE}.link": "wam"}, 'gateways.office.link: "wam": there is no link of that name; did you mean "wan"?'),
        (
            {f"{OFFICE}.addresses": ["10.255.0.0/30"], f"{OFFICE}.routes": None},
            'gateways.office.addresses[0]: "10.255.0.0/30", which is the network address of 10.255.0.0/30: '
            "expected an address that a host can have",
        ),
        (
            {f"{OFFICE}.addresses": ["169.254.0.1/30"], f"{OFFICE}.routes": None},
            'gateways.office.addresses[0]: "169.254.0.1/30", which is link-local (RFC 3927), which is not modelled: '
            "expected an address that a host can have",
        ),
        (
            {f"{OFFICE}.addresses": ["10.0.77.1/30"], f"{OFFICE}.routes": None},
            'gateways.office.addresses[0]: "10.0.77.1/30", whose prefix overlaps 10.0.0.0/16 of VCN oke: '
            "expected a prefix outside every VCN",
        ),
    ],
)
def test_its_far_side_is_one_that_can_be(changes: dict[str, Any], expected: str) -> None:
    assert expected in told(changes)


def test_its_addresses_are_its_own() -> None:
    text = told(
        {"devices.edge.interfaces.wan.addresses": ["10.255.0.1/30", "fd00:ff::2/64"], "devices.edge.routes": []}
    )
    assert len(text) == 1
    assert text[0].startswith('devices.edge.interfaces.wan.addresses[0]: "10.255.0.1", which gateways.office.addresses')


@pytest.mark.parametrize(
    ("to", "via", "expected"),
    [
        ("172.16.0.0/12", "10.255.9.2", '"10.255.9.2": expected an address on link wan (10.255.0.0/30)'),
        ("172.16.0.0/12", "fd00:ff::2", '"fd00:ff::2": expected an IPv4 address, as 172.16.0.0/12 is'),
        (
            "172.16.0.0/12",
            "10.255.0.1",
            '"10.255.0.1", an address of drg/office itself: expected the address of a neighbour',
        ),
        (
            "10.0.4.0/24",
            "10.255.0.2",
            '"10.0.4.0/24", which is inside VCN oke: expected a prefix of the on-premises network',
        ),
        (
            "FD00:99::/48",
            "fd00:ff::2",
            '"FD00:99::/48", the same prefix as "fd00:99::/48": expected every destination once',
        ),
        ("172.16.0.1/12", "10.255.0.2", '"172.16.0.1/12": '),
        ("172.16.0.0/99", "10.255.0.2", '"172.16.0.0/99": '),
    ],
)
def test_its_routes_are_by_neighbours_to_elsewhere(to: str, via: str, expected: str) -> None:
    (text,) = told({f'{OFFICE}.routes."{to}"': via})
    assert text.startswith("gateways.office.routes.")
    assert expected in text


def test_a_family_without_an_address_has_no_next_hop() -> None:
    text = told({f"{OFFICE}.addresses": ["10.255.0.1/30"], "devices.edge.routes": []})
    assert any('"fd00:ff::2": expected an address on link wan (which has no IPv6 prefix)' in line for line in text)


def test_problems_are_told_with_file_and_line(tmp_path: Path) -> None:
    """All at once, each where it is written."""
    text = TEXT.with_name("onprem-firewall.yaml").read_text()
    text = text.replace("link: wan\n", "link: wam\n").replace(": 10.255.0.2, ", ": 10.255.0.9, ")
    lines = text.splitlines()
    link, routes = (next(n for n, line in enumerate(lines, 1) if key in line) for key in ("link: wam", "10.255.0.9"))
    assert problems_of_text(text, tmp_path) == [
        f's.yaml:{link}: gateways.office.link: "wam": there is no link of that name; did you mean "wan"?',
        f's.yaml:{routes}: gateways.office.routes."192.168.0.0/16": "10.255.0.9": '
        "expected an address on link wam (10.255.0.0/30)",
    ]


def test_a_link_or_a_device_that_does_not_fit_is_told_once() -> None:
    """What refers to it is not held against the author."""
    assert told({"links.wan": 7}) == ["links.wan: 7: expected a mapping"]


def test_a_link_with_the_drg_alone_is_a_finding() -> None:
    alone: dict[str, Any] = {"devices.edge.interfaces.wan": None, "devices.edge.routes": []}
    assert sorted(findings(alone)) == [
        'gateways.office.routes."192.168.0.0/16": nobody on link wan has 10.255.0.2',
        "gateways.office.routes.fd00:99::/48: nobody on link wan has fd00:ff::2",
        "links.wan: only one interface is on it",
    ]


def test_two_drgs_of_two_vcns_may_share_a_link() -> None:
    """Each is a neighbour of the other."""
    changes: dict[str, Any] = {"vcns.far": {"ipv4": ["10.8.0.0/16"]}}
    for kind in ("subnets", "route_tables", "gateways"):
        changes |= {f"{kind}.{name}.vcn": "oke" for name in getattr(built({}, "onprem-firewall"), kind)}
    changes["gateways.far"] = {
        "kind": "drg",
        "vcn": "far",
        "link": "wan",
        "addresses": ["10.255.0.6/29"],
        "routes": {"10.0.0.0/16": "10.255.0.1"},
    }
    changes[f"{OFFICE}.addresses"] = ["10.255.0.1/29", "fd00:ff::1/64"]
    assert findings(changes) == []
