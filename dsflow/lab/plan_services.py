"""What kube-proxy does on a node as a ruleset of nftables, written from the tables of the dataplane.  Pure.

Which end point a kernel would choose is its own affair.  So that the hops behind can be compared, the ruleset leads
each row to one target, the one that the simulation chose, and is written anew where that changes: only new
connections ask it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from dsflow.dataplane.action import Drop
from dsflow.dataplane.device import Device
from dsflow.dataplane.match import Match
from dsflow.dataplane.nat import NatKind, NatRow, Target
from dsflow.dataplane.tables import Filter, Nat, RouteLookup
from dsflow.lab.command import Command, Tool
from dsflow.lab.plan_nft import chain, match_words
from dsflow.model.devices import PacketMatch
from dsflow.net.address import Address, Family
from dsflow.net.wire import TCP, UDP
from dsflow.trace.chain import Chain

__all__ = ["Choice", "ServiceRules", "choices", "routing_rules", "service_rules"]

_HIDES, _ANSWERS = 0x4000, 0x8000
"""Marks: kube-proxy's own (KUBE-MARK-MASQ), and one for answers; what bears one takes the host's routes."""

_PREFERENCE = 90  # before the rules by interface
_HOOKS = {"prerouting": "dstnat", "output": "-100"}
_PROTOCOLS = {TCP: "tcp", UDP: "udp"}

Choice = Mapping[tuple[str, Family], tuple[int, int]]
"""The end point that a node's rule leads to, address and port, by the rule's id and the family."""


class ServiceRules(NamedTuple):
    """The ruleset of one node, to be written for any choice."""

    device: Device
    namespace: str
    names: Mapping[str, str]

    def text(self, choice: Choice) -> str:
        """The text for ``nft -f``, which replaces what was there."""
        return "table inet services\ndelete table inet services\n" + service_rules(self.device, self.names, choice)


def choices(chain_: Chain) -> dict[str, dict[tuple[str, Family], tuple[int, int]]]:
    """What each node of a chain chose, by the node's id."""
    found: dict[str, dict[tuple[str, Family], tuple[int, int]]] = {}
    for trace in chain_.traces:
        for hop in trace.hops:
            for decision in hop.decisions:
                before, after = decision.before, decision.after
                if decision.kind is not NatKind.SERVICE_DNAT or before is None or after is None:
                    continue
                if (before.dst, before.dport) != (after.dst, after.dport) and decision.rule.id is not None:
                    choice = found.setdefault(hop.device, {})
                    choice[decision.rule.id, Family(after.family)] = after.dst, after.dport or 0
    return found


def service_rules(device: Device, names: Mapping[str, str], choice: Choice) -> str:
    """The ruleset of a device; ``names`` gives the kernel's names of interfaces by the trace's."""
    lines = ["table inet services {"]
    answered = [f"ct status dnat ct direction reply meta mark set {_ANSWERS:#x}"]
    lines += chain("answers", "filter hook prerouting priority mangle", answered)
    for table in device.receive + device.translate:
        if isinstance(table, Nat) and table.hook in _HOOKS:
            rules = [_row(row, names, choice) for row in table.rows]
            lines += chain(f"nat-{table.hook}", f"nat hook {table.hook} priority {_HOOKS[table.hook]}", rules)
    for tables, hook in ((device.deliver, "input"), (device.forward, "forward"), (device.output, "output")):
        rules = [rule for table in tables if isinstance(table, Filter) for rule in _filter(table, names)]
        lines += chain(hook, f"filter hook {hook} priority filter", rules)
    lines += chain("nat-postrouting", "nat hook postrouting priority srcnat", list(_hiding(device)))
    return "\n".join([*lines, "}"]) + "\n"


def _row(row: NatRow, names: Mapping[str, str], choice: Choice) -> str:
    words = list(match_words(_packet_match(row.match, names)))
    if not row.targets:
        return " ".join([*words, "accept"])
    family = row.match.family
    assert family is not None, "kube-proxy has one ruleset for each family"
    wanted = choice.get((row.rule.id or "", family))
    target = next((one for one in row.targets if (one.address, one.port) == wanted), row.targets[0])
    marking = [f"meta mark set {_HIDES:#x}"] if row.marks is NatKind.MASQUERADE else []
    return " ".join([*words, *marking, _leading(family, target)])


def _leading(family: Family, target: Target) -> str:
    address = Address(family, target.address)
    if family is Family.IPV4:
        return f"dnat ip to {address}:{target.port}"
    return f"dnat ip6 to [{address}]:{target.port}"


def _filter(table: Filter, names: Mapping[str, str]) -> Iterator[str]:
    for match, action in table.rows:
        words = match_words(_packet_match(match, names))
        verdict = "accept"
        if isinstance(action, Drop):
            verdict = "drop" if action.error is None else "reject with icmpx type port-unreachable"
        yield " ".join([*words, verdict])


def _hiding(device: Device) -> Iterator[str]:
    """Masquerading: what is marked, and what comes back to the end point that sent it."""
    yield f"meta mark {_HIDES:#x} masquerade fully-random"
    rows = [row for table in device.receive if isinstance(table, Nat) for row in table.rows]
    for family, word in ((Family.IPV4, "ip"), (Family.IPV6, "ip6")):
        ends = {target.address for row in rows if row.match.family is family for target in row.targets}
        if ends:
            pairs = ", ".join(f"{one} . {one}" for one in (Address(family, value) for value in sorted(ends)))
            yield f"ct status dnat {word} saddr . {word} daddr {{ {pairs} }} masquerade fully-random"


def _packet_match(match: Match, names: Mapping[str, str]) -> PacketMatch:
    """The conditions in the words of the scenario, which the ruleset of a generic device is made of."""
    assert match.src is None
    return PacketMatch(
        family=match.family,
        protocol=None if match.protocol is None else _PROTOCOLS[match.protocol],
        dst=match.dst,
        dport=match.dport,
        in_interface=None if match.in_interface is None else names[match.in_interface],
        states=tuple(match.states or ()),
    )


def routing_rules(device: Device, namespace: str) -> Iterator[Command]:
    """The rules by which marked packets take the host's routes, where the device has such."""
    if any(isinstance(table, RouteLookup) and table.answers is not None for table in device.receive):
        marks = [f"rule add fwmark {mark:#x}/{mark:#x} lookup main pref {_PREFERENCE}" for mark in (_ANSWERS, _HIDES)]
        yield from (Command(tool, namespace, text) for tool in (Tool.IP, Tool.IPV6) for text in marks)
