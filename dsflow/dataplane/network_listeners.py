"""The listeners of a network load balancer as rows: what they refuse, whom they lead where, whom not back to itself.

Which back ends there are is the cloud controller's affair (:mod:`dsflow.model.controller`,
:mod:`dsflow.dataplane.service_ends`), and which of them are healthy what :mod:`dsflow.dataplane.health_checks` finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dsflow.dataplane.action import Continue, Drop, Rule
from dsflow.dataplane.balancer import asked, denied, sees
from dsflow.dataplane.common import single, source_code_rule
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.health_checks import HealthChecks, kind_of
from dsflow.dataplane.index import Index
from dsflow.dataplane.kube_proxy_health import IN_IPV6, answers_in
from dsflow.dataplane.match import Match, State
from dsflow.dataplane.nat import NatKind, NatRow, Target
from dsflow.model.annotated import backend_policy
from dsflow.model.cluster import Machine, Node, Pod
from dsflow.model.controller import (
    is_mixed,
    labels_are_written,
    node_subnets_lacking,
    preserves_source,
    why_no_node,
)
from dsflow.model.services import LoadBalancer, Refusal, Service, ServicePort
from dsflow.net.address import Address, Family
from dsflow.net.hashing import stable_hash

__all__ = ["BACK", "Listeners"]

BACK = Rule(reason="an answer, translated back by its session")

_MIXED = "nlb-mixed-ports-lack-ipv6"

_NOT_KEPT = Drop(
    Rule(reason="a TCP segment of a connection that is not kept, or no longer, is dropped"), Disposition.NO_LISTENER
)
"""NetworkLoadBalancer/introduction.htm (2026-09), of connections that were idle for too long."""


class Listeners:
    """The rows of one network load balancer."""

    def __init__(self, balancer: LoadBalancer, index: Index, checks: HealthChecks) -> None:
        self._balancer = balancer
        self._checks = checks
        self._index = index
        self._ends = index.service_ends
        services = index.topology.services.values()
        self._services = [service for service in services if service.load_balancer == balancer.id]

    def ports(self) -> str:
        """What it listens on, in words."""
        return ", ".join(f"{port.protocol}/{port.port}" for service in self._services for port in service.ports)

    def _each(self) -> Iterator[tuple[Service, ServicePort, Address]]:
        for family in Family:
            address = self._balancer.address(family)
            if address is not None:
                yield from ((service, port, address) for service in self._services for port in service.ports)

    def refused(self) -> Iterator[tuple[Match, Drop | Continue]]:
        """What no listener leads on: by its source, or for want of a back end."""
        for service, port, address in self._each():
            match = asked(port, address)
            if not self._checks.guards(self._balancer):
                yield from denied(service, port, self._balancer, match, self._index.topology)
            if not self._machines(service, port, address.family):
                lacking = address.family not in service.families
                rests_on = self._refusal_rests_on(service, port, address.family)
                rule = source_code_rule(
                    id=f"{service.id}:{port.port}",
                    reason=(why := self._why_none(service, port, address.family)).reason,
                    source=service.source,
                    mend=why.mend,
                    assumption=rests_on[0] if rests_on else None,
                    further=rests_on[1:],
                )
                yield match, Drop(rule, Disposition.FAMILY_UNAVAILABLE if lacking else Disposition.NO_BACKEND)

    def unchecked(self) -> Iterator[tuple[Match, Drop | Continue]]:
        """What asks a listener whose back ends all fail the health check, as security rules have it."""
        for service, port, address in self._each():
            if self._machines(service, port, address.family):
                machines = self._with_ends(service, address.family)
                yield from self._checks.kept_out(asked(port, address), service, port, self._balancer, machines)

    def unknown(self) -> Iterator[tuple[Match, Drop | Continue]]:
        """What asks a listener and is part of no connection that is kept."""
        for _, port, address in self._each():
            yield replace(asked(port, address), states=frozenset({State.INVALID})), _NOT_KEPT

    def _machines(self, service: Service, port: ServicePort, family: Family) -> list[Machine]:
        """The healthy back ends: all, or under the policy Local those with an end point that stays."""
        if self._ends.refusal(service) is not None or family not in service.families:
            return []
        if self._is_mixed(service, port, family):
            return []
        machines = self._ends.back_ends(service, family)
        healthy = self._checks.passing(service, self._balancer, self._with_ends(service, family), family)
        return healthy or (machines if self._balancer.fail_open else [])

    def _with_ends(self, service: Service, family: Family) -> list[Machine]:
        """The back ends, under the policy Local those with an end point that stays."""
        machines = self._ends.back_ends(service, family)
        if service.external_policy == "Cluster":
            return machines
        here = self._ends.healthy_machines(service, family)
        return [machine for machine in machines if machine.id in here]

    def _is_mixed(self, service: Service, port: ServicePort, family: Family) -> bool:
        """Whether the controller makes no back ends, as TCP and UDP share the port in dual stack."""
        lacks = family is Family.IPV6 and self._index.topology.assumes(_MIXED) == "lacks"
        return lacks and is_mixed(service, port)

    def _why_none(self, service: Service, port: ServicePort, family: Family) -> Refusal:
        refusal = self._ends.refusal(service)
        if refusal is not None:
            return refusal
        own = f"services.{service.namespace}/{service.name}"
        if family not in service.families:
            return Refusal(f"{service.id} does not serve {family.title}", f"let {own}.ip_families hold {family}")
        if self._is_mixed(service, port, family):
            reason = f"the cloud controller makes no IPv6 back ends where TCP and UDP share port {port.port}"
            return Refusal(reason, "give them ports of their own")
        if not self._ends.back_ends(service, family):
            if self._index.topology.has_virtual_nodes and not self._ends.published(service, family):
                return self._ends.unhealthy(service, port, family)
            return why_no_node(family, self._index.topology)
        if not answers_in(family, self._index.topology):
            noun = "pod" if self._index.topology.has_virtual_nodes else "node"
            return Refusal(f"no {noun} passes the health check: kube-proxy answers it in IPv4 only", "ask in IPv4")
        if self._ends.end_points(service, port, family):
            why = "no node passes the health check, as the policy is Local and no end point stays on a node"
            return Refusal(f"{why} that is a back end", "wait for other pods")
        return self._ends.unhealthy(service, port, family)

    def rows(self) -> Iterator[NatRow]:
        """The destinations of what the listeners take."""
        for service, port, address in self._each():
            machines = self._machines(service, port, address.family)
            if machines:
                every = self._with_ends(service, address.family) or machines
                unchecked = None if every == machines else self._row(service, port, address, every)
                yield self._row(service, port, address, machines, unchecked)

    def _row(
        self,
        service: Service,
        port: ServicePort,
        address: Address,
        machines: list[Machine],
        unchecked: NatRow | None = None,
    ) -> NatRow:
        number = self._ends.node_port(service, port)
        found = [machine.address(address.family) for machine in machines]
        name = f"{service.id}:{port.port}"
        rests_on, further = self._rests_on(address.family)
        rule = Rule(
            id=name,
            reason=f"the load balancer leads {service.id} to {_one_of(machines)}, at node port {number}; "
            f"{sees(service, self._balancer, self._index.topology)}",
            source=service.source,
            assumption=rests_on,
            further=further,
        )
        hides = None if preserves_source(service, self._index.topology) else NatKind.LOAD_BALANCER_SNAT
        return NatRow(
            kind=NatKind.LOAD_BALANCER_DNAT,
            match=asked(port, address),
            rule=rule,
            address=None,
            back=replace(BACK, id=name, source=service.source),
            targets=tuple(Target(own.value, number) for own in found if own is not None),
            marks=hides,
            marks_own=hides,
            affinity=_hashed(backend_policy(service, self._balancer), address, port),
            unchecked=unchecked,
        )

    def _rests_on(self, family: Family) -> tuple[str | None, tuple[str, ...]]:
        """What has to hold for a node to be a healthy back end of a family."""
        if family is Family.IPV4:
            return None, ()
        healthy = IN_IPV6
        labelled = self._index.topology.has_virtual_nodes or labels_are_written(self._index.topology)
        return (healthy, ()) if labelled else ("nodes-bear-ipv6-label", (healthy,))

    def _refusal_rests_on(self, service: Service, port: ServicePort, family: Family) -> tuple[str, ...]:
        """What has to hold for a Service to be without back ends in a family."""
        if family is Family.IPV4 or family not in service.families or self._ends.refusal(service) is not None:
            return ()
        if self._is_mixed(service, port, family):
            return (_MIXED,)
        if not self._ends.back_ends(service, family):
            nodes = [one for one in self._ends.registered(service, family) if one.address(family) is not None]
            labelled = labels_are_written(self._index.topology)
            by_label = nodes and not labelled and not node_subnets_lacking(family, self._index.topology)
            return ("nodes-bear-ipv6-label",) if by_label else ()
        return () if answers_in(family, self._index.topology) else (IN_IPV6,)

    def own_clients(self) -> Iterator[tuple[Match, Drop | Continue]]:
        """A back end that asks its own VIP is not led to itself; nor is its pod, where the source is preserved."""
        drop = Drop(_OWN_CLIENT, Disposition.NO_BACKEND)
        for pod in self._index.pods_with_vnics:
            own = (address for address in (pod.ipv4, pod.ipv6) if address is not None)
            yield from ((Match(src=single(one), dst=single(one)), drop) for one in own)
        preserving = any(preserves_source(service, self._index.topology) for service in self._services)
        for node in self._index.topology.nodes.values():
            holders: list[Node | Pod] = [node, *(self._index.pods_on.get(node.name, []) if preserving else [])]
            for family in Family:
                there = node.address(family)
                clients = [address for one in holders if (address := one.address(family)) is not None]
                if there is not None:
                    yield from ((Match(src=single(client), dst=single(there)), drop) for client in clients)


_OWN_CLIENT = Rule(
    reason="{src} is of the back end {dst} itself, which cannot be a client of its own load balancer's address",
    mend="ask the Service by its ClusterIP",
)
"""docs.oracle.com NetworkLoadBalancer/introduction.htm (2026-09); for pods of the node
ContEng/Tasks/contengconfiguringloadbalancersnetworkloadbalancers-subtopic.htm (2025)."""


def _one_of(machines: list[Machine]) -> str:
    noun = kind_of(machines)
    return (
        f"the only healthy {noun}" if len(machines) == 1 else f"one of {len(machines)} healthy {noun}s, each as likely"
    )


def _hashed(policy: str, address: Address, port: ServicePort) -> int | None:
    """What flows share that go to one back end: of five fields, nothing; of three and two, the client's address."""
    if policy == "FIVE_TUPLE":
        return None
    return stable_hash(str(address) if policy == "TWO_TUPLE" else f"{address}/{port.protocol}")
