"""Filters and address translation of generic devices: rules that could never be, and what nftables refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenario.helpers import built, problems

QUIET: dict[str, Any] = {"expect": [], "flows": []}


def told(kind: str, rule: dict[str, Any]) -> list[str]:
    """The problems of r0 with one rule of a kind, without the path of the rule."""
    found = problems(QUIET | {f"devices.r0.{kind}": [rule]}, "two-routers")
    assert all(problem.startswith(f"devices.r0.{kind}[0]") for problem in found)
    return [problem.removeprefix(f"devices.r0.{kind}[0]") for problem in found]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (
            {"hook": "output", "in_interface": "e0"},
            ".in_interface: in_interface at the hook output: expected out_interf",
        ),
        (
            {"hook": "input", "out_interface": "e0"},
            ".out_interface: out_interface at the hook input: expected in_interf",
        ),
        ({"in_interface": "e3"}, '.in_interface: "e3": there is no interface of that name'),
        ({"dport": 80}, ".dport: a port without protocol: tcp or udp: expected one of them beside it"),
        ({"protocol": "icmp", "sport": "1-2"}, ".sport: a port without protocol: tcp or udp: expected one of them"),
        ({"family": "ipv4", "to": "fd00::/64"}, ".to: to of IPv6 beside family of IPv4: expected one family in a rule"),
        (
            {"from": "10.0.0.0/8", "to": "fd00::/64"},
            ".to: to of IPv6 beside from of IPv4: expected one family in a rule",
        ),
        ({"from": "10.0.0.0/8", "protocol": "icmpv6"}, ".protocol: protocol of IPv6 beside from of IPv4: expected one"),
        ({"family": "ipv4", "protocol": "icmpv6"}, ".protocol: protocol of IPv6 beside family of IPv4: expected one"),
        ({"action": "reject-tcp-reset"}, ": action: reject-tcp-reset without protocol: tcp: expected protocol: tcp"),
        (
            {"action": "reject-tcp-reset", "protocol": "udp"},
            ": action: reject-tcp-reset without protocol: tcp: expected",
        ),
    ],
)
def test_a_filter_rule_that_could_never_be_is_refused(rule: dict[str, Any], expected: str) -> None:
    (problem,) = told("filters", {"hook": "forward", "action": "drop", **rule})
    assert problem.startswith(expected)


@pytest.mark.parametrize(
    "rule",
    [
        {"hook": "input", "in_interface": "lo"},
        {"hook": "output", "out_interface": "lo"},
        {"family": "ipv6", "protocol": "icmp"},
        {"family": "ipv6", "protocol": "icmpv6", "from": "fd00::/64"},
        {"protocol": "tcp", "action": "reject-tcp-reset", "in_interface": "e0", "out_interface": "e1"},
        {"protocol": "udp", "sport": 0, "dport": "0-65535"},
        {"state": ["invalid"]},
    ],
)
def test_other_filter_rules_are_taken(rule: dict[str, Any]) -> None:
    rules = [{"hook": "forward", "action": "drop", **rule}]
    assert built(QUIET | {"devices.r0.filters": rules}, "two-routers").devices["r0"].filters


DNAT = {"hook": "prerouting", "action": "dnat", "to_address": "10.1.2.2"}
SNAT = {"hook": "postrouting", "action": "snat", "to_address": "10.1.1.1"}
MASQUERADE = {"hook": "postrouting", "action": "masquerade"}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (DNAT | {"hook": "postrouting"}, ": action: dnat at the hook postrouting: expected prerouting or output"),
        (SNAT | {"hook": "output"}, ": action: snat at the hook output: expected postrouting"),
        (MASQUERADE | {"hook": "prerouting"}, ": action: masquerade at the hook prerouting: expected postrouting"),
        ({"hook": "output", "action": "dnat"}, ": no to_address with action: dnat: expected the new address"),
        (
            {"hook": "output", "action": "dnat", "protocol": "tcp", "to_port": 8080},
            ": no to_address with action: dnat: expected the new address",
        ),
        ({"hook": "postrouting", "action": "snat"}, ": no to_address with action: snat: expected the new address"),
        (MASQUERADE | {"to_address": "10.1.1.1"}, ".to_address: to_address with action: masquerade: expected none"),
        (MASQUERADE | {"protocol": "tcp", "to_port": 1}, ".to_port: to_port with action: masquerade: expected none"),
        (DNAT | {"to_port": 80}, ".to_port: to_port without protocol: tcp or udp: expected one of them beside it"),
        (DNAT | {"to_address": "127.0.0.1"}, '.to_address: "127.0.0.1", which is loopback (RFC 1122'),
        (
            DNAT | {"family": "ipv6"},
            ".to_address: to_address of IPv4 beside family of IPv6: expected one family in a rule",
        ),
        (
            DNAT | {"to": "fd00::/64"},
            ".to_address: to_address of IPv4 beside to of IPv6: expected one family in a rule",
        ),
        (DNAT | {"out_interface": "e0"}, ".out_interface: out_interface at the hook prerouting: expected in_interface"),
        (SNAT | {"in_interface": "e0"}, ".in_interface: in_interface at the hook postrouting: expected out_interface"),
        (
            DNAT | {"hook": "output", "in_interface": "e0"},
            ".in_interface: in_interface at the hook output: expected out",
        ),
        (SNAT | {"out_interface": "e7"}, '.out_interface: "e7": there is no interface of that name'),
        (SNAT | {"dport": 7}, ".dport: a port without protocol: tcp or udp: expected one of them beside it"),
    ],
)
def test_a_translation_that_could_never_be_is_refused(rule: dict[str, Any], expected: str) -> None:
    (problem,) = told("nat", rule)
    assert problem.startswith(expected)


@pytest.mark.parametrize(
    "rule",
    [
        DNAT | {"in_interface": "e0", "to": "10.1.0.1/32"},
        DNAT | {"hook": "output", "out_interface": "lo", "protocol": "udp", "dport": 53, "to_port": 5353},
        SNAT | {"protocol": "tcp", "to_port": 7, "family": "ipv4"},
        MASQUERADE | {"out_interface": "e1", "from": "fd00::/16"},
    ],
)
def test_other_translations_are_taken(rule: dict[str, Any]) -> None:
    assert built(QUIET | {"devices.r0.nat": [rule]}, "two-routers").devices["r0"].nat
