"""VCNs, subnets, route tables, gateways."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenario.helpers import built, problems

OTHER = {"vcns.other": {"ipv4": ["10.0.0.0/16"]}}


def told(changes: dict[str, Any]) -> str:
    return "\n".join(problems(changes))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"prefix": "2001:db8:200::/56", "origin": "oracle-gua"}, "a second oracle-gua prefix: expected at most one"),
        ({"prefix": "fd00:200::/72", "origin": "ula"}, '"fd00:200::/72" with origin ula: expected a prefix of /64'),
        ({"prefix": "fd00:200::/56", "origin": "byoip"}, "expected origin ula, since the Internet never routes"),
        ({"prefix": "fe80::/64", "origin": "ula"}, 'which overlaps fe80::/10: expected a range that hosts can have'),
        ({"prefix": "fd00:100:0:3::/64", "origin": "ula"}, "which overlaps fd00:100::/56 of vcns.oke.ipv6[0]"),
    ],
)  # fmt: skip
def test_ipv6_prefixes_of_a_vcn(entry: dict[str, str], expected: str) -> None:
    known = [{"prefix": "fd00:100::/56", "origin": "ula"}, {"prefix": "2001:db8:100::/56", "origin": "oracle-gua"}]
    assert expected in told({"vcns.oke.ipv6": [*known, entry]})


def test_an_oracle_prefix_is_a_56() -> None:
    changes = {"vcns.oke.ipv6[1].prefix": "2001:db8:100::/48"}
    found = 'vcns.oke.ipv6[1].prefix: "2001:db8:100::/48" with origin oracle-gua'
    assert problems(changes) == [f"{found}: expected a /56, which is what Oracle assigns"]


def test_a_global_range_may_be_private() -> None:
    """A prefix taken as private stays private, whatever its bits."""
    assert not built({"vcns.oke.ipv6[1].origin": "ula"}).vcns["oke"].ipv6[1].origin.is_global


@pytest.mark.parametrize("prefix", ["100.0.0.0/8", "100.0.0.0/15"])
def test_an_ipv4_cidr_has_16_to_30_bits(prefix: str) -> None:
    assert f'vcns.oke.ipv4[0]: "{prefix}": expected a prefix length of 16-30' in told({"vcns.oke.ipv4": [prefix]})


def test_multicast_is_no_vcn() -> None:
    assert "which overlaps 224.0.0.0/3" in told({"vcns.oke.ipv4": ["100.0.0.0/16", "239.0.0.0/16"]})


def test_prefixes_of_vcns_do_not_overlap() -> None:
    changes = {"vcns.other": {"ipv4": ["100.0.128.0/17"]}}
    assert (
        'vcns.other.ipv4[0]: "100.0.128.0/17", which overlaps 100.0.0.0/16 of vcns.oke.ipv4[0] (oke-sydney.yaml:14): '
        "expected prefixes that do not overlap"
    ) in told(changes)


def test_subnets_of_a_vcn_do_not_overlap() -> None:
    changes = {"subnets.more": {"ipv4": "100.0.5.128/25"}, "subnets.again": {"ipv6": ["fd00:100:0:4::/64"]}}
    text = told(changes)
    assert 'subnets.more.ipv4: "100.0.5.128/25", which overlaps 100.0.5.0/24 of subnets.pods.ipv4' in text
    assert "subnets.again.ipv6[0]: " in text


def test_two_overlaps_with_one_wide_prefix_are_both_told() -> None:
    changes = {
        "subnets.a": {"ipv4": "100.0.64.0/18"},
        "subnets.b": {"ipv4": "100.0.64.0/24"},
        "subnets.c": {"ipv4": "100.0.99.0/24"},
    }
    assert told(changes).count("which overlaps 100.0.64.0/18") == 2


def test_a_subnet_lies_in_its_vcn() -> None:
    text = told({"subnets.a": {"ipv4": "10.9.0.0/24", "ipv6": ["fd00:999::/64"]}})
    assert 'subnets.a.ipv4: "10.9.0.0/24": expected a prefix inside VCN oke (100.0.0.0/16)' in text
    assert 'subnets.a.ipv6[0]: "fd00:999::/64": expected a prefix inside VCN oke (fd00:100::/56 or' in text
    changes = {**OTHER, "subnets.a": {"ipv6": ["fd00:999::/64"], "vcn": "other"}}
    assert "expected a prefix inside VCN other (which has no IPv6 prefix)" in told(changes)


def test_a_subnet_has_a_prefix_and_ipv6_exactly_64_bits() -> None:
    text = told({"subnets.a": {}, "subnets.b": {"ipv6": ["fd00:100:0:10::/60"]}})
    assert "subnets.a: no prefix: expected ipv4, ipv6 or both" in text
    assert 'subnets.b.ipv6[0]: "fd00:100:0:10::/60": expected a /64, the only size of an IPv6 subnet' in text


def test_a_subnets_route_table_exists_in_its_vcn() -> None:
    assert 'subnets.pods.route_table: "node": there is no route table of that name; did you mean "nodes"?' in told(
        {"subnets.pods.route_table": "node"}
    )
    changes = {
        **OTHER,
        "route_tables.far": {"vcn": "other"},
        "subnets.pods.route_table": "far",
        "subnets.pods.vcn": "oke",
    }
    assert 'subnets.pods.route_table: "far", a table of VCN other: expected a table of VCN oke' in told(changes)


def test_a_vcn_that_is_named_exists() -> None:
    assert 'subnets.pods.vcn: "okee": there is no VCN of that name; did you mean "oke"?' in told(
        {"subnets.pods.vcn": "okee"}
    )


def test_one_internet_and_one_service_gateway_per_vcn_but_several_nat_gateways() -> None:
    service = {"kind": "service", "services": {"a": ["134.70.0.0/16"]}}
    text = told({"gateways.igw2": {"kind": "internet"}, "gateways.s1": service, "gateways.s2": service})
    assert "gateways.igw2: a second Internet gateway beside gateways.igw: expected at most one in a VCN" in text
    assert "gateways.s2: a second service gateway beside gateways.s1" in text
    again = {"gateways.far": {"kind": "drg", "link": "wan", "addresses": ["10.255.0.5/30"]}}
    assert problems(again, "onprem-firewall") == [
        "gateways.far: a second dynamic routing gateway beside gateways.office: expected at most one in a VCN"
    ]
    assert built({"gateways.nat2": {"kind": "nat", "public_ipv4": "203.0.113.11"}}).gateways["nat2"].enabled


def test_services_lie_outside_the_vcn() -> None:
    assert 'gateways.s.services.a[0]: "100.0.0.0/17": expected a prefix outside VCN oke' in told(
        {"gateways.s": {"kind": "service", "services": {"a": ["100.0.0.0/17"]}}}
    )


@pytest.mark.parametrize(
    ("destination", "target", "expected"),
    [
        ("192.0.2.0/24", "natgw/nett", '"natgw/nett": there is no gateway of that name; did you mean "natgw/nat"?'),
        (
            "192.0.2.0/33",
            "natgw/nat",
            '"192.0.2.0/33": the prefix length is 0-32 for IPv4: expected a prefix or a service',
        ),
        ("192.0.2.1", "natgw/nat", '"192.0.2.1": a prefix length is missing'),
        ("::0/0", "igw/igw", '"::0/0", the same prefix as "::/0": expected every destination once'),
        ("all-services", "igw/igw", '"all-services": there is no service label behind igw/igw of that name'),
        ("all-service", "sgw/s", 'behind sgw/s of that name; did you mean "all-services"?'),
        ("192.0.2.0/24", "sgw/s", '"192.0.2.0/24" to a service gateway: expected a service label'),
        ("192.0.2.0/24", "igw/far", '"igw/far", a gateway of VCN other: expected a gateway of VCN oke'),
    ],
)
def test_rules(destination: str, target: str, expected: str) -> None:
    changes = {
        **OTHER,
        "gateways.s": {"kind": "service", "vcn": "oke", "services": {"all-services": ["134.70.0.0/16"]}},
        "gateways.far": {"kind": "internet", "vcn": "other"},
        "route_tables.pods.vcn": "oke",
        f'route_tables.pods.rules."{destination}"': target,
    }
    assert expected in told(changes)


def test_a_rule_to_a_gateway_that_is_itself_wrong_is_not_told() -> None:
    assert problems({"gateways.nat.public_ipv4": "x"}) == [
        'gateways.nat.public_ipv4: "x": not an IPv4 or IPv6 address: expected an IPv4 address'
    ]
