"""Where a node tells load balancers whether to lead clients to it: kube-proxy's health checks.

Source: kubernetes pkg/proxy/healthcheck (proxier_health.go, service_health.go); which one the load balancer asks is in
oracle/oci-cloud-controller-manager, load_balancer_spec.go (getHealthChecker): port 10256 under the policy Cluster, the
Service's healthCheckNodePort under Local, each /healthz, and 200 is healthy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dsflow.dataplane.action import Continue, Drop
from dsflow.dataplane.common import PROTOCOL_NUMBERS, single, source_code_rule
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.index import Index
from dsflow.dataplane.match import Match, State
from dsflow.dataplane.service_ends import ServiceEnds
from dsflow.dataplane.tables import Listeners, Table
from dsflow.model.cluster import Machine, Pod
from dsflow.model.services import HEALTHZ, Service
from dsflow.model.topology import Topology
from dsflow.net.address import Family
from dsflow.net.ranges import PortRange

__all__ = ["IN_IPV6", "answers_in", "health_checks", "with_health_checks"]

IN_IPV6 = "kube-proxy-health-in-ipv6"
"""The assumption on which health checks of IPv6 rest."""

_TCP = PROTOCOL_NUMBERS["tcp"]


def answers_in(family: Family, topology: Topology) -> bool:
    """Whether kube-proxy answers health checks in a family."""
    return family is Family.IPV4 or topology.assumes(IN_IPV6) == "answers"


def health_checks(machine: Machine, topology: Topology, ends: ServiceEnds) -> Iterator[tuple[Match, Drop | Continue]]:
    """What is told of a question to a machine's health checks: what they answer."""
    for family in Family:
        address = machine.address(family)
        if address is None:
            continue
        asked = Match(family=family, protocol=_TCP, dst=single(address), states=frozenset({State.NEW}))
        assumption = IN_IPV6 if family is Family.IPV6 else None
        if not answers_in(family, topology):
            numbers = (HEALTHZ, *ends.health_check_ports.values())
            yield from ((replace(asked, dport=PortRange(number, number)), _CLOSED) for number in numbers)
            continue
        here = "in this pod" if isinstance(machine, Pod) else "on this node"
        healthy = f"kube-proxy answers GET /healthz with 200: it runs {here}"
        told = source_code_rule(id="kube-proxy/healthz", reason=healthy, assumption=assumption)
        yield replace(asked, dport=PortRange(HEALTHZ, HEALTHZ)), Continue(told)
        for name, number in ends.health_check_ports.items():
            service = topology.services[name.removeprefix("service/")]
            reason = _answer(machine, service, family, ends)
            told = source_code_rule(
                id=f"kube-proxy/{name}:health", reason=reason, source=service.source, assumption=assumption
            )
            yield replace(asked, dport=PortRange(number, number)), Continue(told)


_CLOSED = Drop(
    source_code_rule(
        id="kube-proxy/healthz", reason="kube-proxy answers health checks in IPv4 only", assumption=IN_IPV6
    ),
    Disposition.NO_LISTENER,
    resets=True,
)


def _answer(machine: Machine, service: Service, family: Family, ends: ServiceEnds) -> str:
    if machine.id in ends.healthy_machines(service, family):
        return f"kube-proxy answers GET /healthz with 200: {service.id} has an end point on {machine.id}"
    return f"kube-proxy answers GET /healthz with 503: {service.id} has no end point on {machine.id} that stays"


def with_health_checks(table: Table, index: Index) -> Table:
    """A node's listeners, kube-proxy's among them."""
    if not isinstance(table, Listeners):
        return table
    numbers = (HEALTHZ, *index.service_ends.health_check_ports.values())
    return replace(table, ports=table.ports | {(_TCP, number) for number in numbers})
