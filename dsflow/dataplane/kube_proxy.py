"""kube-proxy on a node: connection tracking, the rows of every Service, masquerading, and ways among VNICs.

Of virtual nodes it is in each pod that it does the same, for the pod alone.  What the rows are made of is in
:mod:`dsflow.dataplane.kube_proxy_rows`.
"""

from __future__ import annotations

from dataclasses import replace

from dsflow.dataplane.action import Action, Drop, Forward, Rule
from dsflow.dataplane.common import source_code_rule
from dsflow.dataplane.device import Device
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.index import Index
from dsflow.dataplane.kube_proxy_health import with_health_checks
from dsflow.dataplane.kube_proxy_rows import BACK, MODE, PRIMARY, ServiceRows
from dsflow.dataplane.match import Match, State
from dsflow.dataplane.nat import NatCapability, NatKind, NatRow
from dsflow.dataplane.netfilter import INVALID, NO_ADDRESS, NO_PORT
from dsflow.dataplane.sources import OwnAddress, OwnAddresses
from dsflow.dataplane.tables import Confirm, Filter, Nat, RouteLookup, Routes, Track
from dsflow.model.cluster import Machine, Pod
from dsflow.net.address import Family
from dsflow.net.lpm import LongestPrefixTable

__all__ = ["with_services"]


def _capabilities(machine: Machine) -> tuple[NatCapability, ...]:
    hides = "no Service that hides its client led here"
    masquerade = source_code_rule(
        reason=f"{hides}, and pod addresses are routable in the VCN", assumption="node-masquerade-off"
    )
    if isinstance(machine, Pod):
        masquerade = source_code_rule(reason=hides)
    return (
        NatCapability(
            kind=NatKind.SERVICE_DNAT,
            idle=source_code_rule(reason="no Service has this address and port, so kube-proxy leaves it"),
        ),
        NatCapability(kind=NatKind.MASQUERADE, idle=masquerade),
        NatCapability(
            kind=NatKind.HAIRPIN_MASQUERADE,
            idle=source_code_rule(reason="no Service led the packet back to the pod that sent it"),
        ),
    )


def _masquerade(machine: Machine, index: Index) -> tuple[NatRow, ...]:
    """The rows that give a source of the machine's own to what was marked for that: masquerade, --random-fully.

    kubernetes pkg/proxy/iptables/proxier.go, where the iptables program knows that option, as it has since 1.6.2.
    """
    whose = "pod" if isinstance(machine, Pod) else "node"
    by_primary = isinstance(machine, Pod) or index.topology.assumes(_HIDDEN_LEAVES) == "primary-vnic"
    rests_on = None if by_primary else _HIDDEN_LEAVES
    reasons = {
        NatKind.MASQUERADE: f"the Service hides its client: the source becomes the {whose}'s address, so that the "
        "answer comes back here",
        NatKind.HAIRPIN_MASQUERADE: f"the end point is the client itself: the source becomes the {whose}'s address, "
        "else it would answer itself",
    }
    return tuple(
        NatRow(
            kind=kind,
            match=Match(),
            rule=source_code_rule(id="kube-proxy/KUBE-POSTROUTING", reason=reason, assumption=rests_on),
            address=None,
            marked=kind,
            back=BACK,
            draws=True,
        )
        for kind, reason in reasons.items()
    )


def with_services(device: Device, machine: Machine, index: Index) -> Device:
    """The device of a machine with connection tracking and the rows of every Service."""
    services = ServiceRows(machine, index)
    own = _own_addresses(machine, index)
    *before, lookup = device.receive
    assert isinstance(lookup, RouteLookup), "a machine's arrivals end in a look-up"
    routing = lookup if isinstance(machine, Pod) else _among_vnics(lookup, index)
    track = Track(invalid=INVALID)
    clash = NatRow(kind=NatKind.MASQUERADE, match=Match(), rule=_CLASH, address=None)
    hiding = Nat(
        hook="postrouting",
        rows=_masquerade(machine, index),
        exhausted=NO_PORT,
        unaddressed=replace(NO_ADDRESS, rule=replace(NO_ADDRESS.rule, mend=f"give {machine.id} such an address")),
        own=own,
        collision=clash,
    )
    return replace(
        device,
        receive=(track, Nat(hook="prerouting", rows=tuple(services.arriving())), *before, routing),
        deliver=(
            Filter(rows=tuple(services.refused_here()), stage="input"),
            Nat(hook="input", rows=()),
            Confirm(),
            *(with_health_checks(table, index) for table in device.deliver),
        ),
        forward=(
            *device.forward,
            Filter(rows=(*_senseless(index), *services.refused(Disposition.DENIED_FORWARD)), stage="forward"),
        ),
        send=(routing,),
        translate=(
            track,
            Nat(hook="output", rows=tuple(services.sent())),
            RouteLookup(tables={None: lookup.tables[None]}, again=True),
        ),
        output=(Filter(rows=tuple(services.refused(Disposition.DENIED_EGRESS)), stage="output"),),
        loopback=(hiding,),
        leave=(hiding, Confirm(), *device.leave),
        capabilities=_capabilities(machine),
    )


def _among_vnics(lookup: RouteLookup, index: Index) -> RouteLookup:
    """A node's look-up where Services lead on what comes in by its primary VNIC, and back by it."""
    host = lookup.tables[None]
    masquerades_by_primary = index.topology.assumes(_HIDDEN_LEAVES) == "primary-vnic"
    by_primary = index.topology.assumes("service-answers-by-primary-vnic") == "primary-vnic"
    return RouteLookup(
        tables={**lookup.tables, PRIMARY: host},
        answers=_told(host, _ANSWERED) if by_primary else None,
        marked=_told(host, _HIDDEN) if masquerades_by_primary else None,
    )


_ANSWERED = source_code_rule(
    reason="the answer of a connection that the node translated leaves by its primary VNIC, whose address it bears",
    assumption="service-answers-by-primary-vnic",
)


_HIDDEN_LEAVES = "masqueraded-leaves-by-primary-vnic"

_HIDDEN = source_code_rule(
    reason="what kube-proxy masquerades leaves by the primary VNIC, whose address it gets",
    assumption=_HIDDEN_LEAVES,
)


def _told(host: Routes, rule: Rule) -> Routes:
    """The host's routes, the way out by another rule."""

    def told(table: LongestPrefixTable[Action]) -> LongestPrefixTable[Action]:
        rows = dict(table.items())
        way_out = next((prefix for prefix, action in rows.items() if not prefix.length), None)
        if way_out is not None and isinstance(action := rows[way_out], Forward):
            rows[way_out] = replace(action, rule=rule)
        return LongestPrefixTable(rows.items())

    return Routes(told(host.ipv4), told(host.ipv6))


def _senseless(index: Index) -> tuple[tuple[Match, Drop], ...]:
    """Lest a stray answer reach a client that knows only the Service's address, which nftables leaves to the kernel."""
    return (_SENSELESS,) if index.topology.assumes(MODE) == "iptables" else ()


_SENSELESS = (
    Match(states=frozenset({State.INVALID})),
    Drop(
        source_code_rule(
            id="kube-proxy/KUBE-FORWARD",
            reason="connection tracking makes nothing of this packet (INVALID), and kube-proxy forwards no such packet",
        ),
        Disposition.DENIED_FORWARD,
    ),
)
"""pkg/proxy/iptables/proxier.go, KUBE-FORWARD; kubernetes.io/docs/reference/networking/virtual-ips, of nftables."""

_CLASH = source_code_rule(
    reason="another connection of the node holds this source port, so a free one of its class is taken"
)


def _own_addresses(machine: Machine, index: Index) -> OwnAddresses:
    assert machine.subnet is not None, "it has a VNIC"
    subnet = index.topology.subnets[machine.subnet]
    found: dict[int, dict[str, tuple[OwnAddress, ...]]] = {}
    for family in Family:
        address = machine.address(family)
        near = (prefix for prefix in subnet.prefixes(family) if address is not None and address in prefix)
        owns = tuple(OwnAddress(address.value, prefix) for prefix in near if address is not None)
        found[int(family)] = {PRIMARY: owns}
    return OwnAddresses(found)
