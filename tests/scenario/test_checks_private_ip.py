"""Route rules to VNICs: whose address it must be, and when such a rule carries nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenario.helpers import built, problems

QUIET: dict[str, Any] = {"expect": [], "flows": []}
RULES = "route_tables.pods.rules"


def told(changes: dict[str, Any]) -> list[str]:
    return problems(QUIET | changes, "onprem-firewall")


def findings(changes: dict[str, Any]) -> list[str]:
    found = built(QUIET | changes, "onprem-firewall").findings
    return [f"{finding.path}: {finding.found}" for finding in found]


@pytest.mark.parametrize(
    ("destination", "target", "expected"),
    [
        (
            "172.16.0.0/12",
            "private-ip/10.0.9.77",
            '"private-ip/10.0.9.77", which no VNIC has that can be a next hop: '
            "expected an address of a node, of a device in a subnet, or of a transparent load balancer",
        ),
        ("172.16.0.0/12", "private-ip/10.0.4.22", "which no VNIC has that can be a next hop"),  # a pod's
        ("172.16.0.0/12", "private-ip/192.168.1.1", "which no VNIC has that can be a next hop"),  # on premises
        (
            "172.16.0.0/12",
            "private-ip/2001:db8:7:9::10",
            "expected the IPv4 address of a VNIC, as 172.16.0.0/12 is",
        ),
        ("172.16.0.0/12", "private-ip/10.0.9", "expected private-ip/ADDRESS"),
        ("172.16.0.0/12", "private-ip/firewall", "expected private-ip/ADDRESS"),
        ("172.16.0.0/12", "drg/offise", 'there is no gateway of that name; did you mean "drg/office"?'),
        (
            "all-services",
            "private-ip/10.0.9.10",
            'the service label "all-services" to a private IP: expected a prefix, or a service gateway',
        ),
        ("all-services", "drg/office", "there is no service label behind drg/office of that name"),
    ],
)
def test_the_target_is_a_vnic_of_the_destinations_family(destination: str, target: str, expected: str) -> None:
    (text,) = told({f'{RULES}."{destination}"': target})
    assert text.startswith(f"{RULES}.")
    assert expected in text


def test_the_vnic_is_in_the_tables_vcn() -> None:
    topology = built({}, "onprem-firewall")
    changes: dict[str, Any] = {"vcns.far": {"ipv4": ["10.8.0.0/16"]}}
    for kind in ("subnets", "route_tables", "gateways"):
        changes |= {f"{kind}.{name}.vcn": "oke" for name in getattr(topology, kind)}
    changes["route_tables.far"] = {"vcn": "far", "rules": {"0.0.0.0/0": "private-ip/10.0.9.10"}}
    (text,) = told(changes)
    assert text.endswith('"private-ip/10.0.9.10", a VNIC in VCN oke: expected a VNIC in VCN far')


def test_a_holder_that_does_not_fit_is_not_held_against_the_rule() -> None:
    assert told({"devices.firewall.forwarding": 7}) == [
        "devices.firewall.forwarding: 7: expected true, false, or a mapping such as {ipv4: true, ipv6: false}"
    ]


def test_the_address_is_kept_as_addresses_are_written() -> None:
    table = built({f'{RULES}."::/0"': "private-ip/2001:DB8:7:9:0::10"}, "onprem-firewall").route_tables["pods"]
    assert table.rules[-1].target == "private-ip/2001:db8:7:9::10"


def test_rules_that_carry_nothing_are_findings() -> None:
    check = "devices.firewall.interfaces.vnic.source_destination_check"
    assert findings({check: None})[0] == (
        f'{RULES}."0.0.0.0/0": a rule to private-ip/10.0.9.10 carries nothing unless {check} is false'
    )
    assert len(findings({check: True})) == 5
    assert findings({f'{RULES}."172.16.0.0/12"': "private-ip/10.0.3.11"}) == [
        f'{RULES}."172.16.0.0/12": node/node-1 checks source and destination, '
        "so a rule to private-ip/10.0.3.11 carries nothing"
    ]


def test_a_rule_back_to_the_tables_own_subnet_is_a_finding() -> None:
    assert findings({'route_tables.firewall.rules."172.16.0.0/12"': "private-ip/10.0.9.10"}) == [
        'route_tables.firewall.rules."172.16.0.0/12": '
        "private-ip/10.0.9.10 is in subnet firewall itself, so what it sends on comes back to it"
    ]
