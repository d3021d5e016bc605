"""Whether health checks get through to nodes or pods: where a security rule refuses them, they are no back ends.

docs.oracle.com ContEng/Concepts/contengnetworkconfig.htm (2025) asks for rules that let them in; what they find on the
node is in :mod:`dsflow.dataplane.kube_proxy_health`.  They are asked as TCP connections from the load balancer's own
address of the back end's family.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dsflow.dataplane.action import Drop, Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.kube_proxy_health import answers_in
from dsflow.model.services import HEALTHZ
from dsflow.net.address import Family
from dsflow.net.build import first_packet, reply_to

if TYPE_CHECKING:
    from dsflow.dataplane.index import Index
    from dsflow.dataplane.match import Match
    from dsflow.dataplane.security import Security
    from dsflow.model.cluster import Machine
    from dsflow.model.services import LoadBalancer, Service, ServicePort

__all__ = ["HealthChecks", "kind_of"]


def kind_of(machines: Sequence[Machine]) -> str:
    """What back ends are: node or pod."""
    return machines[0].id.partition("/")[0]


class HealthChecks:
    """Which machines are back ends by what security rules let through; without ``security`` they all may be."""

    def __init__(self, index: Index, security: Security | None) -> None:
        self._index = index
        self._security = security

    def guards(self, balancer: LoadBalancer) -> bool:
        """Whether security rules say whom the load balancer lets in, those that the controller adds among them."""
        return self._security is not None and self._security.judges(balancer.id, "eth0")

    def passing(
        self, service: Service, balancer: LoadBalancer, machines: list[Machine], family: Family
    ) -> list[Machine]:
        """Those of the machines to which the health checks get through, and their answers back.

        Where that is none, it is all of them: :meth:`kept_out` keeps clients out, unless policies are ignored.
        """
        if not answers_in(family, self._index.topology):
            return []
        healthy = [machine for machine in machines if self._refusal(service, balancer, machine, family) is None]
        return healthy or machines

    def kept_out(
        self, match: Match, service: Service, port: ServicePort, balancer: LoadBalancer, machines: list[Machine]
    ) -> Iterator[tuple[Match, Drop]]:
        """The refusal of what asks a listener, where the health checks get through to none of the machines."""
        family = Family.IPV4 if match.family is None or not balancer.is_network else match.family
        refusals = [self._refusal(service, balancer, machine, family) for machine in machines]
        if not machines or None in refusals or balancer.fail_open:
            return
        first = next(drop for drop in refusals if drop is not None)
        number = self._port(service)
        words = {"asked": f"tcp port {number}", "src": balancer.address(family), "dst": machines[0].address(family)}
        refused = first.rule.reason.format(**words)
        rule = Rule(
            id=f"{service.id}:{port.port}",
            reason=f"no {kind_of(machines)} passes the health check on port {number}: at {machines[0].id} {refused}",
            source=service.source,
            mend=None if first.rule.mend is None else first.rule.mend.format(**words),
        )
        yield match, Drop(rule, Disposition.NO_BACKEND)

    def _port(self, service: Service) -> int:
        return self._index.service_ends.health_check_ports.get(service.id, HEALTHZ)

    def _refusal(self, service: Service, balancer: LoadBalancer, machine: Machine, family: Family) -> Drop | None:
        """What refuses the question at the load balancer's VNIC or the back end's, or an answer that is not tracked."""
        src, dst = balancer.address(family), machine.address(family)
        security = self._security
        if security is None or src is None or dst is None:
            return None
        question = first_packet(family, "tcp", src.value, dst.value, dport=self._port(service))
        answer = reply_to(question)
        assert answer is not None, "a SYN is answered"
        ways = ((balancer.id, "egress", "ingress"), (machine.id, "ingress", "egress"))
        for device, there, back in ways:
            verdict = security.judged(device, "eth0", there, question)
            if verdict.refusal is not None:
                return verdict.refusal
            if not verdict.tracked:
                lost = security.judged(device, "eth0", back, answer).refusal
                if lost is not None:
                    return lost
        return None
