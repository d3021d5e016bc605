"""What the cluster's DNS answers for the name of a headless Service: the addresses of its pods.

kubernetes.io/docs/concepts/services-networking/dns-pod-service: A and AAAA records of the pods that are ready.
"""

from __future__ import annotations

from dsflow.dataplane.action import Drop, Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.service_ends import ServiceEnds, port_of
from dsflow.model.cluster import Listener
from dsflow.model.services import Service
from dsflow.model.topology import Topology
from dsflow.net.address import Address, Family

__all__ = ["Names"]

_RECORDS = {Family.IPV4: "A", Family.IPV6: "AAAA"}


class Names:
    """The names of one topology's headless Services."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._ends = ServiceEnds(topology)

    def answers(self, service: Service, family: Family) -> tuple[Address, ...]:
        """The addresses that a name stands for."""
        return tuple(end.address for end in self._ends.published(service, family))

    def ports(self, service: Service) -> tuple[Listener, ...]:
        """The ports that clients use, as nothing translates: those of the pods."""
        found = []
        for port in service.ports:
            numbers = (port_of(pod, port) for pod in self._topology.backends(service))
            number = port.target_port if isinstance(port.target_port, int) else next(filter(None, numbers), port.port)
            found.append(Listener(port.protocol, number))
        return tuple(found)

    def told(self, service: Service, chosen: Address, number: int) -> Rule:
        """What a chain tells of the name: a client takes any of the answers."""
        among = "the only pod" if number == 1 else f"one of {number} pods, each as likely"
        records = _RECORDS[chosen.family]
        reason = f"the name of {service.id}, which is headless, has its pods' addresses as {records} records"
        return Rule(id=f"dns/{service.id}", reason=f"{reason}: {chosen} is {among}", source=service.source)

    def nothing(self, service: Service, family: Family) -> Drop:
        """What becomes of a question to a name that stands for nobody."""
        why, mend, _ = self._ends.none(service, service.ports[0], family)
        lacks = f"the name of {service.id}, which is headless, has no {_RECORDS[family]} record"
        reason = f"{lacks} (an empty answer, or NXDOMAIN): {why}"
        return Drop(
            Rule(id=f"dns/{service.id}", reason=reason, source=service.source, mend=mend), Disposition.NO_BACKEND
        )
