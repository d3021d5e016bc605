"""The network load balancer: it translates addresses, and keeps a connection to the back end that it chose.

Source: docs.oracle.com NetworkLoadBalancer/introduction.htm and preserve-source-id.htm (2026-09); which nodes it leads
to, and when it keeps its client's address, is the cloud controller's affair (:mod:`dsflow.model.controller`).  What
comes in one family goes out in it.  With full translation (``load-balancer-snat`` beside ``load-balancer-dnat``) a
back end sees the load balancer's own address.  Where the source is preserved it sees the client's, and the fabric
brings its answers back here.  Weights are equal, and idle time-outs are not modelled, as no time passes.
"""

from __future__ import annotations

from dataclasses import replace

from dsflow.dataplane.action import Continue, Delay, Drop, Evidence, Forward, Neighbor, Rule
from dsflow.dataplane.common import (
    AWAITED,
    IGNORED,
    STRAY,
    UNCONNECTED,
    origin_mtu,
    own_addresses,
    routes,
)
from dsflow.dataplane.device import Device, Interface, Toll
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.health_checks import HealthChecks
from dsflow.dataplane.index import Index
from dsflow.dataplane.match import Match
from dsflow.dataplane.nat import NatCapability, NatKind, NatRow
from dsflow.dataplane.network_listeners import BACK, Listeners
from dsflow.dataplane.tables import (
    HEALTH_CHECK_STAGE,
    Confirm,
    Filter,
    HopLimit,
    Lower,
    Nat,
    Proxy,
    Returns,
    RouteLookup,
    Track,
)
from dsflow.model.controller import preserves_source
from dsflow.model.services import LoadBalancer
from dsflow.model.vcn import Vcn
from dsflow.net.address import Address

__all__ = ["KEPT", "LOWERED", "USED_UP", "compile_network_balancer", "nobody", "returns"]

_KEEPS_PORT = "nlb-keeps-source-port"

_CAPABILITIES = (
    NatCapability(
        kind=NatKind.LOAD_BALANCER_DNAT, idle=Rule(reason="the packet belongs to no listener of the load balancer")
    ),
    NatCapability(
        kind=NatKind.LOAD_BALANCER_SNAT, idle=Rule(reason="the back end is to see the client's own address and port")
    ),
)

KEPT = Continue(Rule(reason="a network load balancer is taken for no routed hop", assumption="nlb-keeps-ttl"))
LOWERED = Rule(reason="a network load balancer lowers the hop limit as a router does", assumption="nlb-keeps-ttl")
USED_UP = HopLimit(
    expired=Drop(
        Rule(reason="the hop limit {ttl} is used up", assumption="nlb-keeps-ttl"), Disposition.HOP_LIMIT_EXCEEDED
    )
)
_EXHAUSTED = Drop(
    Rule(reason="no source port towards this back end is free", assumption=_KEEPS_PORT),
    Disposition.NAT_EXHAUSTED,
)
_UNKNOWN = Continue(Rule(reason="the load balancer keeps no connection that this packet is part of, and it opens none"))
_SILENT = Rule(
    reason="the address of a network load balancer answers no ping itself (NetworkLoadBalancer/introduction.htm)"
)


def compile_network_balancer(balancer: LoadBalancer, index: Index, checks: HealthChecks) -> Device:
    """A network load balancer as OKE builds it: its back ends are nodes or virtual nodes' pods, at node ports."""
    vcn = index.vcn_of(balancer.subnet)
    both = (balancer.ipv4, balancer.ipv6)
    own = own_addresses(both)
    addresses = {int(found.family): (found.value,) for found in both if found}
    way = Neighbor("eth0", vcn.id, balancer.id, index.front_vnic(balancer).link)
    rule = Rule(reason=f"the load balancer sends into {vcn.id} from subnet/{balancer.subnet}")
    lowers = index.topology.assumes("nlb-keeps-ttl") == "lowers"
    out = Forward(rule, way, lowers=lowers)
    listeners = Listeners(balancer, index, checks)
    rows = tuple(listeners.rows())
    draws = index.topology.assumes(_KEEPS_PORT) == "draws-one"
    hiding = tuple(_hiding(balancer, found, draws=draws) for found in both if found is not None)
    return Device(
        id=balancer.id,
        kind="lb",
        interfaces={"eth0": Interface(name="eth0", addresses=addresses)},
        receive=(
            Filter(rows=tuple(listeners.refused()), stage="listener"),
            Filter(rows=tuple(listeners.unchecked()), stage=HEALTH_CHECK_STAGE),
            Track(invalid=_UNKNOWN, loose=False),
            Filter(rows=tuple(listeners.unknown()), stage="listener"),
            Nat(hook="prerouting", rows=rows),
            RouteLookup(tables={None: routes(own, out)}),
        ),
        deliver=(nobody(balancer, listeners.ports()),),
        forward=(
            Filter(rows=tuple(listeners.own_clients()), stage="forward"),
            USED_UP,
            Lower(lowered=LOWERED, kept=KEPT),
        ),
        send=(RouteLookup(tables={None: routes(own, out)}),),
        leave=(Nat(hook="postrouting", rows=hiding, exhausted=_EXHAUSTED), Confirm(), origin_mtu),
        capabilities=_CAPABILITIES,
        toll=Toll(forwarded=(Delay("lb_l4"),), forwarded_new=(Delay("lb_l4"),), machine=balancer.id),
        source=balancer.source,
    )


def _hiding(balancer: LoadBalancer, own: Address, *, draws: bool) -> NatRow:
    return NatRow(
        kind=NatKind.LOAD_BALANCER_SNAT,
        match=Match(family=own.family),
        rule=Rule(
            id=balancer.id,
            reason=f"full translation: the back end sees {own} of the load balancer, so that it answers here",
            source=balancer.source,
            assumption=_KEEPS_PORT,
        ),
        address=own.value,
        draws=draws,
        marked=NatKind.LOAD_BALANCER_SNAT,
        back=replace(BACK, id=balancer.id, source=balancer.source),
    )


def nobody(balancer: LoadBalancer, ports: str) -> Proxy:
    """What is sent to the load balancer's addresses and is no listener's; its own questions are answered."""
    there = f"; it listens on {ports}" if ports else ""
    closed = Rule(reason=f"{balancer.id} has no listener on {{protocol}}/{{dport}}{there}", evidence=Evidence.INFERRED)
    return Proxy(
        listeners={},
        no_backend={},
        unconnected=UNCONNECTED,
        ignored=IGNORED,
        awaited=AWAITED,
        stray=STRAY,
        closed=Drop(closed, Disposition.NO_LISTENER),
        echo=Drop(_SILENT, Disposition.NO_LISTENER),
    )


def returns(vcn: Vcn, index: Index) -> tuple[Returns, ...]:
    """What brings answers back to the load balancers of a VCN that keep their clients' addresses."""
    services = index.topology.services.values()
    preserving = {service.load_balancer for service in services if preserves_source(service, index.topology)}
    fronts: dict[str, frozenset[tuple[int, int]]] = {}
    ways: dict[tuple[str, str | None], Forward] = {}
    for balancer in index.topology.load_balancers.values():
        if not balancer.is_network or balancer.id not in preserving or index.vcn_of(balancer.subnet) is not vcn:
            continue
        own = (balancer.ipv4, balancer.ipv6)
        fronts[balancer.id] = frozenset((int(found.family), found.value) for found in own if found is not None)
        rule = Rule(
            id=f"{balancer.id}/return-path",
            reason=f"{balancer.id} handed the question on with its client's own address: the answer is returned to "
            "the load balancer without a route look-up",
            assumption="nlb-return-path",
        )
        for subnet in index.subnets_of(vcn.name):
            near = subnet.name == balancer.subnet
            ways[balancer.id, subnet.id] = Forward(rule, index.front_vnic(balancer), lowers=not near)
    return (Returns(fronts=fronts, ways=ways),) if fronts else ()
