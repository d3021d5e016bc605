"""A device's filters and translations as a ruleset of nftables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dsflow.model.devices import FilterRule, GenericDevice, NatRule, PacketMatch
from dsflow.net.address import Family

__all__ = ["chain", "match_words", "ruleset"]

_ACTIONS = {
    "accept": "accept",
    "drop": "drop",
    "reject": "reject with icmpx type port-unreachable",
    "reject-admin": "reject with icmpx type admin-prohibited",
    "reject-host": "reject with icmpx type host-unreachable",
    "reject-tcp-reset": "reject with tcp reset",
}

_NAT_HOOKS = {"prerouting": "dstnat", "output": "-100", "postrouting": "srcnat"}
"""The priorities of translation (nft(8)); at output it has no name."""


def ruleset(device: GenericDevice) -> str:
    """The text for ``nft -f``; empty for a device without rules, which then has no connection tracking either.

    >>> rule = FilterRule(hook="forward", action="drop", match=PacketMatch(protocol="udp"))
    >>> print(ruleset(GenericDevice(name="r0", filters=(rule,))), end="")
    table inet dsflow {
      chain forward {
        type filter hook forward priority filter; policy accept;
        meta l4proto udp drop
      }
    }
    """
    if not device.filters and not device.nat:
        return ""
    return "\n".join(_lines(device)) + "\n"


def _lines(device: GenericDevice) -> Iterator[str]:
    yield "table inet dsflow {"
    if device.tracks_connections:
        # A rule that only looks: it has the kernel track connections of both families, whatever the others need.
        yield from chain("track", "filter hook prerouting priority 0", ["ct state invalid"])
    for hook in ("input", "forward", "output"):
        rules = [rule for rule in device.filters if rule.hook == hook]
        yield from chain(hook, f"filter hook {hook} priority filter", list(map(_filter_rule, rules)))
    for hook, priority in _NAT_HOOKS.items():
        found = [rule for rule in device.nat if rule.hook == hook]
        yield from chain(f"nat-{hook}", f"nat hook {hook} priority {priority}", list(map(_nat_rule, found)))
    yield "}"


def chain(name: str, kind: str, rules: Sequence[str]) -> Iterator[str]:
    """The lines of a base chain; none without rules."""
    if rules:
        yield f"  chain {name} {{"
        yield f"    type {kind}; policy accept;"
        yield from (f"    {rule}" for rule in rules)
        yield "  }"


def _filter_rule(rule: FilterRule) -> str:
    return " ".join([*match_words(rule.match), _ACTIONS[rule.action]])


def _nat_rule(rule: NatRule) -> str:
    return " ".join([*match_words(rule.match), _translation(rule)])


def _translation(rule: NatRule) -> str:
    if rule.to_address is None:
        return rule.action
    port = "" if rule.to_port is None else f":{rule.to_port}"
    if rule.to_address.family is Family.IPV4:
        return f"{rule.action} ip to {rule.to_address}{port}"
    address = f"[{rule.to_address}]" if port else str(rule.to_address)
    return f"{rule.action} ip6 to {address}{port}"


def match_words(match: PacketMatch) -> Iterator[str]:
    """The conditions; one on addresses or ports says the family or protocol too."""
    if match.in_interface is not None:
        yield f'iifname "{match.in_interface}"'
    if match.out_interface is not None:
        yield f'oifname "{match.out_interface}"'
    if match.family is not None:
        yield f"meta nfproto {match.family}"
    for prefix, side in ((match.src, "saddr"), (match.dst, "daddr")):
        if prefix is not None:
            yield f"{'ip' if prefix.family is Family.IPV4 else 'ip6'} {side} {prefix}"
    if match.protocol is not None:
        yield f"meta l4proto {_protocol(match)}"
    for ports, side in ((match.sport, "sport"), (match.dport, "dport")):
        if ports is not None:
            yield f"{match.protocol} {side} {ports}"
    if match.states:
        yield f"ct state {','.join(match.states)}"


def _protocol(match: PacketMatch) -> str:
    """In rules ``icmp`` means the family's own."""
    if match.protocol not in ("icmp", "icmpv6"):
        return str(match.protocol)
    family = match.family or next((prefix.family for prefix in (match.src, match.dst) if prefix is not None), None)
    if match.protocol == "icmpv6" or family is Family.IPV6:
        return "ipv6-icmp"
    return "icmp" if family is Family.IPV4 else "{ icmp, ipv6-icmp }"
