"""Links, interfaces and addresses of generic devices: what is refused, and what is only said."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenario.helpers import built, problems, problems_of_text

E0 = "devices.h0.interfaces.e0"


def told(changes: dict[str, Any], base: str = "two-routers") -> list[str]:
    """The problems; the questions go, since many changes would break them too."""
    return problems({"expect": [], "flows": []} | changes, base)


def findings(changes: dict[str, Any], base: str = "two-routers") -> list[str]:
    found = built({"expect": [], "flows": []} | changes, base).findings
    return [f"{finding.path}: {finding.found}" for finding in found]


def addressed(*addresses: str) -> list[str]:
    """The problems of h0 with these addresses on e0 and no routes."""
    return told({f"{E0}.addresses": list(addresses), "devices.h0.routes": []})


def test_the_shipped_networks_have_no_findings() -> None:
    for name in ("two-routers", "nat-box", "lan-segment"):
        assert not built({}, name).findings


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({f"{E0}.link": None}, f"{E0}: no link: expected one of links, or a subnet as subnet/NAME"),
        ({f"{E0}.link": "lefd"}, f'{E0}.link: "lefd": there is no link of that name; did you mean "left"?'),
        ({f"{E0}.link": "subnet/x"}, f'{E0}.link: "subnet/x": there is no subnet of that name'),
        (
            {"devices.r0.interfaces.lo.link": "left"},
            "devices.r0.interfaces.lo.link: a link of lo: expected none: lo is the device's own",
        ),
        (
            {"devices.h0.interfaces.e9": {"link": "left"}},
            'devices.h0.interfaces.e9.link: "left", where e0 is already: '
            "expected one interface of a device on a link; more is not modelled",
        ),
        (
            {"devices.h0.interfaces.all": {"link": "middle"}},
            'devices.h0.interfaces.all: the name "all", which Linux keeps for itself: expected another name',
        ),
        (
            {"devices": {"10.1": {}}},
            'devices."10.1": the name "10.1", which reads as an address: expected a letter in it',
        ),
    ],
)
def test_interfaces_are_on_links_that_are(changes: dict[str, Any], expected: str) -> None:
    assert told(changes) == [expected]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("10.1.0.0/24", "the network address of 10.1.0.0/24"),
        ("10.1.0.255/24", "the broadcast address of 10.1.0.0/24"),
        ("224.0.0.5/24", "multicast"),
        ("ff02::1/64", "multicast"),
        ("127.0.0.1/8", "loopback"),
        ("::1/128", "loopback"),
        ("0.0.0.0/0", "this network"),
        ("::/64", "the unspecified address"),
        ("169.254.0.9/16", "link-local"),
        ("fe80::1/64", "link-local"),
        ("255.255.255.255/32", "reserved"),
        ("240.0.0.1/8", "reserved"),
        ("::ffff:10.0.0.1/96", "IPv4-mapped"),
    ],
)
def test_an_address_is_one_that_a_host_can_have(address: str, why: str) -> None:
    (problem,) = addressed(address)
    assert problem.startswith(f"{E0}.addresses[0]: ")
    assert f", which is {why}" in problem
    assert problem.endswith("expected an address that a host can have")


@pytest.mark.parametrize("address", ["10.1.0.8/31", "10.1.0.9/31", "10.1.0.0/32", "fd00:1::ffff/112", "fd00::/127"])
def test_short_prefixes_have_hosts_at_their_ends(address: str) -> None:
    assert built({f"{E0}.addresses": [address], "devices.h0.routes": [], "expect": [], "flows": []}, "two-routers")


def test_the_anycast_address_of_routers_is_told() -> None:
    found = findings({f"{E0}.addresses": ["fd00:1::/64"], "devices.h0.routes": []})
    anycast = '"fd00:1::/64" is the anycast address of the routers of fd00:1::/64; Linux takes it as any other'
    assert found == [f"{E0}.addresses[0]: {anycast}"]


def test_lo_has_single_addresses() -> None:
    problem = 'devices.r0.interfaces.lo.addresses[0]: "192.0.2.1/24" on lo: expected a prefix length of 32; more is not'
    assert told({"devices.r0.interfaces.lo.addresses": ["192.0.2.1/24"]}) == [f"{problem} modelled"]


def test_an_address_has_one_owner_wherever_it_is() -> None:
    here = "which devices.h0.interfaces.e0.addresses[0] ("
    (other,) = told({"devices.h2.interfaces.lo": {"addresses": ["10.1.0.2/32"]}})
    (own,) = told({"devices.h0.interfaces.lo": {"addresses": ["10.1.0.2/32"]}})
    (again,) = addressed("10.1.0.2/24", "10.1.0.2/24")
    for problem in (other, own, again):
        assert here in problem
        assert problem.endswith("has already: expected an address of its own")


def test_an_address_is_not_a_pods_too() -> None:
    links = {
        "links": {"l": {}},
        "devices": {"r": {"interfaces": {"e0": {"link": "l", "addresses": ["100.0.5.102/32"]}}}},
    }
    (problem,) = told(links, "oke-sydney")
    assert "which pods.default/nginx-568f7cfd68-g4h2c.ipv4 (oke-sydney.yaml:" in problem


def test_one_prefix_is_on_one_interface() -> None:
    more = {"link": "middle", "addresses": ["10.1.0.77/24"]}
    expected = (
        '"10.1.0.77/24", whose prefix is on e0 too: expected a prefix of its own; the same on two interfaces is not'
    )
    assert told({"devices.h0.interfaces.e1": more}) == [f"devices.h0.interfaces.e1.addresses[0]: {expected} modelled"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("100.0.5.9/24", '"100.0.5.9/24": expected an address of subnet lb (100.0.2.0/24)'),
        ("100.0.2.9/16", '"100.0.2.9/16": expected a prefix length of 24 or more, as subnet lb has'),
        ("100.0.2.1/24", '"100.0.2.1/24", which OCI reserves in 100.0.2.0/24: expected another address of the subnet'),
    ],
)
def test_an_address_in_a_subnet_is_the_subnets(address: str, expected: str) -> None:
    firewall = {"interfaces": {"vnic": {"link": "subnet/lb", "addresses": [address]}}}
    assert told({"devices": {"fw": firewall}}, "oke-sydney") == [f"devices.fw.interfaces.vnic.addresses[0]: {expected}"]


def test_a_link_that_leads_nowhere_is_told() -> None:
    changes: dict[str, Any] = {"links.spare": {}, "devices.h0": None}
    assert findings(changes) == ["links.left: only one interface is on it", "links.spare: no interface is on it"]


def test_a_small_mtu_takes_ipv6_away_and_is_told() -> None:
    told_of = "IPv6 is off on this interface, as in Linux: 1279 is below 1280"
    assert findings({f"{E0}.mtu": 1279}) == [f"{E0}.mtu: {told_of}"]
    assert findings({f"{E0}.mtu": 1280}) == []
    assert findings({f"{E0}.mtu": 68, f"{E0}.addresses": ["10.1.0.2/24"], "devices.h0.routes": []}) == []


def test_a_device_that_does_not_fit_is_not_held_against_others(tmp_path: Any) -> None:
    text = """\
apiVersion: dsflow/v1
name: x
links: {l0: {mtu: 5}}
devices:
  a: {interfaces: {e0: {link: l0, mtu: 1}}}
  b: {interfaces: {e0: {link: l1, addresses: [10.0.0.1/24, 10.0.0.0/24]}}}
expect:
  - {from: a, to: c, family: ipv4, protocol: icmp, disposition: delivered}
  - {from: device/a, to: device/b, family: ipv4, protocol: icmp, disposition: delivered}
"""
    assert problems_of_text(text, tmp_path) == [
        's.yaml:3: links.l0.mtu: the unknown key "mtu": expected an empty mapping',
        "s.yaml:5: devices.a.interfaces.e0.mtu: 1: expected a whole number from 68 to 65535",
        's.yaml:6: devices.b.interfaces.e0.link: "l1": there is no link of that name',
        's.yaml:6: devices.b.interfaces.e0.addresses[1]: "10.0.0.0/24", which is the network address of 10.0.0.0/24: '
        "expected an address that a host can have",
        's.yaml:8: expect[0].to: "c": there is no end point of that name',
    ]


VNIC = "devices.firewall.interfaces.vnic"


def test_what_only_a_vnic_has_and_what_none_has() -> None:
    """OCI's check is of a VNIC, and a VNIC carries 9000 bytes at most."""
    assert told({"devices.edge.interfaces.lan.source_destination_check": True}, "onprem-firewall") == [
        "devices.edge.interfaces.lan.source_destination_check: source_destination_check on an interface that is "
        "no VNIC: expected such a key in a subnet only"
    ]
    assert told({f"{VNIC}.mtu": 9001}, "onprem-firewall") == [
        f"{VNIC}.mtu: 9001: expected at most 9000, which a VNIC carries"
    ]
    assert built({}, "onprem-firewall").devices["database"].interfaces["vnic"].source_destination_check
    assert not built({}, "onprem-firewall").devices["firewall"].interfaces["vnic"].source_destination_check
