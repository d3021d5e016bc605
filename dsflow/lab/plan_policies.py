"""What NetworkPolicies let through at a node as a ruleset of nftables, written from the tables of the dataplane.  Pure.

A base chain for each side, both after what else filters in the forward hook; what one accepts, the next is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dsflow.dataplane.device import Device
from dsflow.dataplane.grants import Grant, Grants, Peer, Traffic
from dsflow.dataplane.tables import Isolation
from dsflow.lab.plan_nft import chain
from dsflow.net.address import Address, Family
from dsflow.net.wire import TCP, UDP

__all__ = ["isolates", "policy_rules"]

_PRIORITIES = {True: 10, False: 20}  # those of senders first
_PROTOCOLS = {TCP: "tcp", UDP: "udp"}
_WORDS = {Family.IPV4: "ip", Family.IPV6: "ip6"}


def isolates(device: Device) -> bool:
    """Whether a device keeps packets from machines behind it."""
    return any(isinstance(table, Isolation) for table in device.forward)


def policy_rules(device: Device, names: Mapping[str, str]) -> str:
    """The text for ``nft -f``; ``names`` gives the kernel's names of interfaces by the trace's."""
    lines = ["table inet policies {"]
    # A rule that only looks: it has the kernel track connections of both families, whatever the others need.
    lines += chain("track", "filter hook prerouting priority 0", ["ct state invalid"])
    for table in device.forward:
        if isinstance(table, Isolation):
            rules = [rule for name, grants in table.grants.items() for rule in _of(table, names[name], grants)]
            side = "egress" if table.of_senders else "ingress"
            lines += chain(side, f"filter hook forward priority {_PRIORITIES[table.of_senders]}", rules)
    return "\n".join([*lines, "}"]) + "\n"


def _of(table: Isolation, interface: str, grants: Grants) -> Iterator[str]:
    """The rules for the machine behind one interface."""
    own, far = ("iifname", "daddr") if table.of_senders else ("oifname", "saddr")
    mine = f'{own} "{interface}"'
    yield f'iifname "{interface}" oifname "{interface}" accept'
    yield f"{mine} ct state established,related accept"
    yield f"{mine} ct state invalid drop"
    for grant in grants.rows:
        yield from (f"{mine} {words} accept".replace("  ", " ") for words in _grant(grant, far))
    yield f"{mine} drop"


def _grant(grant: Grant, far: str) -> Iterator[str]:
    ends = [""] if grant.peers is None else [words for peer in grant.peers for words in _peer(peer, far)]
    kinds = [""] if grant.traffic is None else list(map(_traffic, grant.traffic))
    yield from (f"{end} {kind}".strip() for end in ends for kind in kinds)


def _peer(peer: Peer, far: str) -> Iterator[str]:
    word = _WORDS[peer.family]
    if peer.prefix is not None:
        but = f" {word} {far} != {{ {', '.join(map(str, peer.exceptions))} }}" if peer.exceptions else ""
        yield f"{word} {far} {peer.prefix}{but}"
    elif peer.addresses:
        yield f"{word} {far} {{ {', '.join(str(Address(peer.family, value)) for value in sorted(peer.addresses))} }}"


def _traffic(traffic: Traffic) -> str:
    name = _PROTOCOLS[traffic.protocol]
    return f"meta l4proto {name}" if traffic.dport is None else f"{name} dport {traffic.dport}"
