"""Rules as nftables has them."""

from __future__ import annotations

import subprocess

import pytest

from dsflow.lab.plan_nft import ruleset
from dsflow.model.devices import FilterRule, GenericDevice, NatRule, PacketMatch
from dsflow.net.address import Address, Family, Prefix
from dsflow.net.ranges import PortRange
from tests.lab.hand import needs_lab


def rule_of(match: PacketMatch, action: str = "drop") -> str:
    """The line that a rule becomes."""
    text = ruleset(GenericDevice(name="r", filters=(FilterRule(hook="forward", action=action, match=match),)))
    return next(line.strip() for line in reversed(text.splitlines()) if not line.strip().startswith("}"))


def nat_of(rule: NatRule) -> str:
    return ruleset(GenericDevice(name="r", nat=(rule,))).splitlines()[-3].strip()


def test_a_device_without_rules_has_no_ruleset() -> None:
    assert ruleset(GenericDevice(name="r")) == ""


FULL = PacketMatch(
    family=Family.IPV6,
    protocol="udp",
    src=Prefix.parse("fd00:1::/64"),
    dst=Prefix.parse("fd00:4::2/128"),
    sport=PortRange(1000, 2000),
    dport=PortRange(53, 53),
    in_interface="e0",
    out_interface="e1",
    states=("new", "invalid"),
)


@pytest.mark.parametrize(
    ("match", "line"),
    [
        (PacketMatch(), "drop"),
        (PacketMatch(family=Family.IPV4), "meta nfproto ipv4 drop"),
        (PacketMatch(protocol="tcp"), "meta l4proto tcp drop"),
        (PacketMatch(protocol="icmp"), "meta l4proto { icmp, ipv6-icmp } drop"),
        (PacketMatch(protocol="icmp", family=Family.IPV4), "meta nfproto ipv4 meta l4proto icmp drop"),
        (PacketMatch(protocol="icmp", src=Prefix.parse("fd00::/8")), "ip6 saddr fd00::/8 meta l4proto ipv6-icmp drop"),
        (PacketMatch(protocol="icmpv6"), "meta l4proto ipv6-icmp drop"),
        (
            FULL,
            'iifname "e0" oifname "e1" meta nfproto ipv6 ip6 saddr fd00:1::/64 ip6 daddr fd00:4::2/128 '
            "meta l4proto udp udp sport 1000-2000 udp dport 53 ct state new,invalid drop",
        ),
    ],
)
def test_every_condition_is_told(match: PacketMatch, line: str) -> None:
    assert rule_of(match) == line


@pytest.mark.parametrize(
    ("action", "verdict"),
    [
        ("accept", "accept"),
        ("reject", "reject with icmpx type port-unreachable"),
        ("reject-admin", "reject with icmpx type admin-prohibited"),
        ("reject-host", "reject with icmpx type host-unreachable"),
        ("reject-tcp-reset", "reject with tcp reset"),
    ],
)
def test_every_action_is_told(action: str, verdict: str) -> None:
    assert rule_of(PacketMatch(protocol="tcp"), action) == f"meta l4proto tcp {verdict}"


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (NatRule(hook="postrouting", action="masquerade"), "masquerade"),
        (NatRule(hook="postrouting", action="snat", to_address=Address.parse("10.0.0.9")), "snat ip to 10.0.0.9"),
        (NatRule(hook="output", action="dnat", to_address=Address.parse("fd00::9")), "dnat ip6 to fd00::9"),
        (
            NatRule(hook="prerouting", action="dnat", to_address=Address.parse("fd00::9"), to_port=80),
            "dnat ip6 to [fd00::9]:80",
        ),
        (
            NatRule(hook="prerouting", action="dnat", to_address=Address.parse("10.0.0.9"), to_port=80),
            "dnat ip to 10.0.0.9:80",
        ),
    ],
)
def test_every_translation_is_told(rule: NatRule, line: str) -> None:
    assert nat_of(rule) == line


def test_connections_are_tracked_only_where_a_rule_needs_it() -> None:
    """In both families then, whatever family the rule is of."""
    plain = GenericDevice(name="r", filters=(FilterRule(hook="input", action="drop"),))
    stateful = GenericDevice(name="r", nat=(NatRule(hook="postrouting", action="masquerade"),))
    assert "ct state" not in ruleset(plain)
    assert "chain track" in ruleset(stateful)


@needs_lab
def test_nft_takes_every_rule() -> None:
    hooks = "input", "forward", "output"
    actions = "accept", "drop", "reject", "reject-admin", "reject-host", "reject-tcp-reset"
    match = PacketMatch(protocol="tcp", states=("established",))
    device = GenericDevice(
        name="r",
        filters=(
            *(FilterRule(hook=hook, action=action, match=match) for hook in hooks for action in actions),
            FilterRule(hook="forward", action="drop", match=FULL),
        ),
        nat=(
            NatRule(hook="postrouting", action="masquerade"),
            NatRule(hook="postrouting", action="snat", to_address=Address.parse("10.0.0.9")),
            NatRule(
                hook="prerouting",
                action="dnat",
                match=PacketMatch(protocol="udp", dst=Prefix.parse("fd00::7/128"), dport=PortRange(9, 9)),
                to_address=Address.parse("fd00::9"),
                to_port=80,
            ),
            NatRule(hook="output", action="dnat", to_address=Address.parse("fd00::9")),
        ),
    )
    checked = subprocess.run(
        ["nft", "--check", "-f", "-"], input=ruleset(device), text=True, capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
