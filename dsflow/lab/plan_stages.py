"""The other tables of a stand-in as a ruleset of nftables: scope, one-to-one and source translation, source checks.

A one-to-one exchange needs no memory, but its errors quote packets: connection tracking puts the quotes right too,
and what it finds invalid is exchanged packet by packet.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from dsflow.dataplane.action import Drop
from dsflow.dataplane.device import Device
from dsflow.dataplane.match import Match
from dsflow.dataplane.tables import Filter, Nat, Proxy, SourceCheck, StaticNat, Table
from dsflow.lab.plan_nft import chain, match_words
from dsflow.model.devices import PacketMatch
from dsflow.net.address import Address, Family

__all__ = ["serves", "stage_rules", "translates", "vnic_checks"]

_RAW, _AFTER_DNAT, _BEFORE_SNAT, _AFTER_SNAT = -300, -90, 90, 110
"""Priorities of chains about those of translation, which are -100 and 100 (nft(8))."""


def translates(device: Device) -> bool:
    """Whether the stand-in tracks connections."""
    return any(isinstance(table, StaticNat | Nat) for table in device.receive + device.leave)


def serves(device: Device) -> bool:
    """Whether it leads Services to end points, which has a ruleset of its own."""
    return any(isinstance(table, Nat) and table.hook == "output" for table in device.translate)


def stage_rules(device: Device, names: Mapping[str, str]) -> str:
    """The text for ``nft -f``; ``names`` gives the kernel's names of interfaces by the trace's."""
    lines = [*_filters(device, names), *_translations(device, names), *_source_checks(device, names)]
    if device.forward and not device.deliver:
        lines += _no_redirects()
    lines += [line for table in device.deliver if isinstance(table, Proxy) for line in _silence(table)]
    return "\n".join(lines) + "\n" if lines else ""


def _table(family: str, name: str, lines: list[str]) -> list[str]:
    return [f"table {family} {name} {{", *lines, "}"] if lines else []


def _filters(device: Device, names: Mapping[str, str]) -> list[str]:
    rules = [
        " ".join([*match_words(_packet_match(match, names)), "drop" if isinstance(action, Drop) else "accept"])
        for table in device.receive
        if isinstance(table, Filter)
        for match, action in table.rows
    ]
    return _table("inet", "scope", list(chain("prerouting", f"filter hook prerouting priority {_RAW}", rules)))


def _packet_match(match: Match, names: Mapping[str, str]) -> PacketMatch:
    """The conditions in the words of the scenario, which the ruleset of a generic device is made of."""
    assert match.needs_addresses_only, "the cloud's own filters look at addresses and interfaces"
    return PacketMatch(
        family=match.family,
        src=match.src,
        dst=match.dst,
        in_interface=None if match.in_interface is None else names[match.in_interface],
        out_interface=None if match.out_interface is None else names[match.out_interface],
    )


def _translations(device: Device, names: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for table in device.receive + device.leave:
        if isinstance(table, StaticNat):
            interface = names[table.interface]
            lines += _inward(table, interface) if table.hook == "prerouting" else _outward(table, interface)
        elif isinstance(table, Nat) and table.hook == "postrouting" and not serves(device):
            lines += _sources(table, names)
    return _table("ip", "translation", lines)


def _inward(table: StaticNat, interface: str) -> Iterator[str]:
    if table.exchange:
        told = f'iifname "{interface}"'
        exchanged = f"ip daddr map {_exchange(table)}"
        yield from chain("destinations", "nat hook prerouting priority dstnat", [f"{told} dnat to {exchanged}"])
        stateless = f"{told} ct state invalid ip daddr set {exchanged}"
        yield from chain("invalid-in", f"filter hook prerouting priority {_AFTER_DNAT}", [stateless])


def _outward(table: StaticNat, interface: str) -> Iterator[str]:
    told = f'oifname "{interface}"'
    unknown = told
    if table.exchange:
        exchanged = f"ip saddr map {_exchange(table)}"
        unknown += f" ip saddr != {{ {', '.join(map(_text, table.exchange))} }}"
        yield from chain("sources", "nat hook postrouting priority srcnat", [f"{told} snat to {exchanged}"])
        stateless = f"{told} ct state invalid ip saddr set {exchanged}"
        yield from chain("invalid-out", f"filter hook postrouting priority {_AFTER_SNAT}", [stateless])
    if table.miss is not None:
        yield from chain("no-partner", f"filter hook postrouting priority {_BEFORE_SNAT}", [f"{unknown} drop"])


def _exchange(table: StaticNat) -> str:
    return "{ " + ", ".join(f"{_text(one)} : {_text(other)}" for one, other in table.exchange.items()) + " }"


def _text(value: int) -> str:
    return str(Address(Family.IPV4, value))


def _sources(table: Nat, names: Mapping[str, str]) -> Iterator[str]:
    """Source translation to the row's address and pool; echo identifiers are the kernel's to choose."""
    rules = []
    for row in table.rows:
        assert row.address is not None
        assert row.pool is not None
        told = [*match_words(replace(_packet_match(row.match, names), family=None))]  # the table is one of IPv4
        target = _text(row.address)
        ports = f"meta l4proto {{ tcp, udp }} snat to {target}:{row.pool.first}-{row.pool.last}"
        rules += [" ".join([*told, ports]), " ".join([*told, f"snat to {target}"])]
    yield from chain("sources", "nat hook postrouting priority srcnat", rules)


def _source_checks(device: Device, names: Mapping[str, str]) -> list[str]:
    rules = [rule for table in device.leave for rule in _source_check(table, names)]
    return _table("inet", "vnic", list(chain("leave", f"filter hook postrouting priority {_AFTER_SNAT}", rules)))


def vnic_checks(device: Device) -> str:
    """The source checks of a generic device's VNICs, whose interfaces have one name."""
    lines = _source_checks(device, {name: name for name in device.interfaces})
    return "\n".join(lines) + "\n" if lines else ""


def _source_check(table: Table, names: Mapping[str, str]) -> Iterator[str]:
    """The source check of VNICs, last of all before a packet leaves; the kernel's own talk with the link passes."""
    if not isinstance(table, SourceCheck):
        return
    for interface, own in table.own.items():
        for family, word in ((Family.IPV4, "ip"), (Family.IPV6, "ip6")):
            known = [str(Address(family, value)) for found, value in sorted(own) if found == family]
            known += ["fe80::/10", "::"] if family is Family.IPV6 else []
            allowed = f"{word} saddr != {{ {', '.join(known)} }} " if known else ""
            yield f'oifname "{names[interface]}" meta nfproto {family} {allowed}drop'


def _no_redirects() -> list[str]:
    """The fabric and its gateways tell nobody of a better way; IPv6 has no switch for that."""
    kind = "filter hook output priority filter"
    return _table("inet", "quiet", list(chain("output", kind, ["icmpv6 type nd-redirect drop"])))


def _silence(table: Proxy) -> list[str]:
    """What a load balancer is silent about: datagrams, and listeners without a back end."""
    rules = ["meta l4proto udp drop"]
    for (family, _, port), backends in table.listeners.items():
        if not backends:
            rules.append(f"meta nfproto {Family(family)} tcp dport {port} tcp flags & (syn | ack) == syn drop")
    return _table("inet", "silence", list(chain("input", "filter hook input priority filter", rules)))
