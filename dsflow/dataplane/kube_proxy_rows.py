"""The rows that kube-proxy makes of Services for one machine: translation of what comes in and is sent, and filters.

Source: kubernetes pkg/proxy/iptables/proxier.go (syncProxyRules), and kubernetes.io/docs/reference/networking/
virtual-ips.  A ClusterIP leads to any end point with a pod's source kept; a node port and a load balancer's address do
so under the policy Cluster with the source masqueraded, and under Local to the node's own end points with the
source kept, but for what the node itself or its pods ask.  A Service without end points rejects; a policy Local
without one here drops.  Session affinity ClientIP leads a client to one end point of a port of the Service, by
whichever of its addresses it asks; its time-out is not modelled, as no time passes between questions.  Nor are
node ports on loopback.  A load balancer's address is open to loadBalancerSourceRanges alone (KUBE-FW), but for what
comes from that address itself, which no node has here.

In the mode nftables (pkg/proxy/nftables/proxier.go) the same holds, but that what asks a ClusterIP for a port that is
none of its Service is rejected, and what asks for an address in the range of Services that nobody has is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from dsflow.dataplane.action import Continue, Drop, IcmpError, Rule
from dsflow.dataplane.common import PROTOCOL_NUMBERS, single, source_code_rule
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.index import Index
from dsflow.dataplane.kube_proxy_health import health_checks
from dsflow.dataplane.match import Match, State
from dsflow.dataplane.nat import NatKind, NatRow
from dsflow.dataplane.service_ends import EndPoint, ranges_text
from dsflow.model.annotated import hides_private_address, shortens
from dsflow.model.cluster import Machine, Pod
from dsflow.model.services import Refusal, Service, ServicePort
from dsflow.net.address import Address, Family, Prefix
from dsflow.net.hashing import stable_hash
from dsflow.net.ranges import PortRange

__all__ = ["BACK", "MODE", "PRIMARY", "ServiceRows"]

PRIMARY = "eth0"
"""The interface of a machine's primary VNIC."""

MODE = "kube-proxy-mode"
"""The assumption on which rests by what rules kube-proxy leads on."""

_mode_rule = partial(source_code_rule, further=(MODE,))
"""What kube-proxy does by its rules of iptables or nftables, and by others perhaps otherwise."""

IN_PODS = "virtual-node-kube-proxy"
"""The assumption on which rests what kube-proxy does in a pod on a virtual node."""

KNOWS_PODS = "kube-proxy-knows-pods"
"""The assumption on which rests whom kube-proxy takes for a pod."""

BACK = source_code_rule(reason="an answer, translated back by its session")


class _Door(NamedTuple):
    """An address and port by which the outside knows a port of a Service, and whom it is open to: everybody, or these.

    Only a load balancer's address asks that (KUBE-FW); a node port is open to all.
    """

    address: Address
    number: int
    ranges: tuple[Prefix, ...] | None = None

    def sources(self) -> tuple[Prefix | None, ...]:
        """A condition on the source for each row that leads on; None is none."""
        return (None,) if self.ranges is None else self.ranges


class ServiceRows:
    """The rows of one machine; ``ends`` are the cluster's, ``machine`` decides what is local."""

    def __init__(self, machine: Machine, index: Index) -> None:
        self._machine = machine
        self._topology = index.topology
        self._ends = index.service_ends
        self._is_pod = isinstance(machine, Pod)
        self._serves_itself = self._is_pod and index.topology.assumes(IN_PODS) == "own-pod"
        self._knows_pods = index.topology.assumes(KNOWS_PODS) == "detects"

    def _ports(self) -> Iterator[tuple[Service, ServicePort, Family, tuple[EndPoint, ...]]]:
        for service in self._topology.services.values():
            if service.headless:
                continue
            for family in service.families:
                for port in service.ports:
                    yield service, port, family, self._ends.end_points(service, port, family)

    def _doors(self, service: Service, port: ServicePort, family: Family) -> Iterator[_Door]:
        """The addresses and ports by which the outside knows a port: the machine's own, and the load balancer's.

        The latter is a short cut that kube-proxy makes for what the status lists (virtual-ips, ipMode VIP); of a
        network load balancer that is its private address too, unless it is told otherwise.
        """
        own = self._machine.address(family)
        if service.type != "ClusterIP" and own is not None:
            yield _Door(own, self._ends.node_port(service, port))
        front = self._ends.front(service)
        if front is None or not shortens(service) or self._ends.refusal(service) is not None:
            return
        listed = front.ipv6 if family is Family.IPV6 else front.public_ipv4 or front.ipv4
        addresses = [listed] if listed is not None else []
        if front.is_network and listed is front.public_ipv4 and front.ipv4 and not hides_private_address(service):
            addresses.append(front.ipv4)
        ranges = tuple(prefix for prefix in service.source_ranges if prefix.family is family)
        for address in addresses:
            yield _Door(address, port.port, ranges if service.source_ranges else None)

    def arriving(self) -> Iterator[NatRow]:
        """For what comes in: from other machines by the primary VNIC, from pods by their own interfaces."""
        for service, port, family, ends in self._ports():
            yield from self._of_cluster_ip(service, port, family, ends)
            here = self._here(service, port, family)
            for door in self._doors(service, port, family):
                for source in door.sources():
                    row = partial(self._row, service, port, door.address, door.number, source=source)
                    if self._serves_itself and here:
                        yield row(here)
                    elif service.external_policy == "Cluster":
                        yield row(ends, marks=NatKind.MASQUERADE)
                    elif ends and self._is_pod:
                        yield row(here)
                    elif ends:
                        yield row(here, in_interface=PRIMARY)
                        yield row(ends if self._knows_pods else here, assumption=KNOWS_PODS)

    def sent(self) -> Iterator[NatRow]:
        """For what the node itself sends, host-network pods included, or the pod on a virtual node."""
        for service, port, family, ends in self._ports():
            yield from self._of_cluster_ip(service, port, family, ends, by_node=not self._is_pod)
            as_pod = self._is_pod and service.external_policy == "Local"
            for door in self._doors(service, port, family):
                for source in door.sources():
                    yield self._row(
                        service,
                        port,
                        door.address,
                        door.number,
                        ends,
                        marks=None if as_pod and self._knows_pods else NatKind.MASQUERADE,
                        source=source,
                        assumption=KNOWS_PODS if as_pod else None,
                    )

    def _of_cluster_ip(
        self, service: Service, port: ServicePort, family: Family, ends: tuple[EndPoint, ...], *, by_node: bool = False
    ) -> Iterator[NatRow]:
        """Pods are seen as they are; a node that asks is hidden, where kube-proxy can tell."""
        address = service.cluster_address(family)
        if address is not None:
            local = service.internal_policy == "Local"
            yield self._row(
                service,
                port,
                address,
                port.port,
                self._here(service, port, family) if local else ends,
                marks=NatKind.MASQUERADE if by_node and self._knows_pods else None,
                assumption=KNOWS_PODS if by_node else None,
            )

    def _row(
        self,
        service: Service,
        port: ServicePort,
        address: Address,
        number: int,
        ends: tuple[EndPoint, ...],
        *,
        marks: NatKind | None = None,
        in_interface: str | None = None,
        assumption: str | None = None,
        source: Prefix | None = None,
    ) -> NatRow:
        """The row for one address and port; without end points it leaves packets to the filters."""
        name = f"kube-proxy/{service.id}:{port.port}"
        sticky = service.session_affinity == "ClientIP"
        there = f" on {self._machine.id}" if ends is not self._ends.end_points(service, port, address.family) else ""
        reason = _chosen(service, len(ends), there, sticky=sticky)
        return NatRow(
            kind=NatKind.SERVICE_DNAT,
            match=replace(_match(port, address, number, in_interface), src=source),
            rule=source_code_rule(
                id=name,
                reason=reason,
                source=service.source,
                assumption=assumption or (IN_PODS if self._is_pod else None),
                further=(IN_PODS, MODE) if self._is_pod and assumption else (MODE,),
            ),
            address=None,
            back=replace(BACK, id=name, source=service.source),
            targets=self._ends.targets(service, port, address.family, ends),
            marks=marks,
            marks_own=NatKind.HAIRPIN_MASQUERADE,
            affinity=stable_hash(f"{name}/{port.protocol}") if sticky else None,
        )

    def _here(self, service: Service, port: ServicePort, family: Family) -> tuple[EndPoint, ...]:
        return self._ends.end_points_on(self._machine, service, port, family)

    def refused(self, denied: Disposition) -> Iterator[tuple[Match, Drop | Continue]]:
        """What kube-proxy rejects on its way through or out: a Service with nothing behind it."""
        for service, port, family, ends in self._ports():
            address = service.cluster_address(family)
            local = service.internal_policy == "Local"
            if address is not None and not (self._here(service, port, family) if local else ends):
                if ends:
                    yield _new(port, address, port.port), _none_here(service, port, self._machine, "internal")
                else:
                    yield _new(port, address, port.port), _nobody(service, port, self._ends.none(service, port, family))
            yield from self._closed_doors(service, port, family, ends, denied)
        yield from self._unserved(denied)

    def _unserved(self, denied: Disposition) -> Iterator[tuple[Match, Drop | Continue]]:
        """What asks a ClusterIP for no port of its Service, or for an address of which none is."""
        rejects = self._topology.assumes(MODE) == "nftables"
        for service in self._topology.services.values():
            for family in service.families:
                address = service.cluster_address(family)
                if address is not None:
                    yield _anew(Match(family=family, dst=single(address))), _no_such_port(service, denied, rejects)
        for prefix in self._topology.service_ranges:
            yield _anew(Match(family=prefix.family, dst=prefix)), _nobodys(prefix, denied, rejects)

    def refused_here(self) -> Iterator[tuple[Match, Drop | Continue]]:
        """What kube-proxy rejects or drops on its way in: node ports with nothing behind them."""
        for service, port, family, ends in self._ports():
            yield from self._closed_doors(service, port, family, ends, Disposition.DENIED_INGRESS)
        yield from health_checks(self._machine, self._topology, self._ends)

    def _closed_doors(
        self,
        service: Service,
        port: ServicePort,
        family: Family,
        ends: tuple[EndPoint, ...],
        denied: Disposition,
    ) -> Iterator[tuple[Match, Drop | Continue]]:
        """What comes here by a door was led nowhere: for want of end points, or by its source."""
        for door in self._doors(service, port, family):
            match = _new(port, door.address, door.number)
            if not ends:
                yield match, _nobody(service, port, self._ends.none(service, port, family))
            elif service.external_policy == "Local" and not self._here(service, port, family):
                yield match, _none_here(service, port, self._machine, "external")
            elif door.ranges is not None:
                yield match, _not_in_ranges(service, port, denied)


def _new(port: ServicePort, address: Address, number: int) -> Match:
    """What would open a connection: kube-proxy's filters look at nothing else (proxier.go, iptablesJumpChains)."""
    return _anew(_match(port, address, number))


def _anew(match: Match) -> Match:
    return replace(match, states=frozenset({State.NEW}))


def _no_such_port(service: Service, denied: Disposition, rejects: bool) -> Drop | Continue:
    ports = ", ".join(f"{port.protocol}/{port.port}" for port in service.ports)
    told = f"{{dst}} is the ClusterIP of {service.id}, which has {ports} only"
    name = f"kube-proxy/{service.id}"
    if not rejects:
        return Continue(_left_alone(name, told, service.source))
    rule = source_code_rule(
        id=name, reason=f"{told}: kube-proxy rejects", source=service.source, assumption=MODE, mend=f"ask for {ports}"
    )
    return Drop(rule, denied, error=IcmpError.PORT_UNREACHABLE)


def _nobodys(prefix: Prefix, denied: Disposition, drops: bool) -> Drop | Continue:
    told = f"{{dst}} is in {prefix}, the range of Services, and no Service has it"
    if not drops:
        return Continue(_left_alone("kube-proxy/service-range", told, None))
    return Drop(
        source_code_rule(id="kube-proxy/service-range", reason=f"{told}: kube-proxy drops", assumption=MODE), denied
    )


def _left_alone(name: str, told: str, source: str | None) -> Rule:
    return source_code_rule(
        id=name, reason=f"{told}: kube-proxy's rules of iptables leave it alone", source=source, assumption=MODE
    )


def _match(port: ServicePort, address: Address, number: int, in_interface: str | None = None) -> Match:
    return Match(
        family=address.family,
        protocol=PROTOCOL_NUMBERS[port.protocol],
        dst=single(address),
        dport=PortRange(number, number),
        in_interface=in_interface,
    )


def _chosen(service: Service, number: int, there: str, *, sticky: bool) -> str:
    among = f"its only end point{there}" if number == 1 else f"one of its {number} end points{there}, each as likely"
    by_client = ", and this client always to the same" if sticky and number > 1 else ""
    return f"kube-proxy leads {service.id} to {among}{by_client}"


def _nobody(service: Service, port: ServicePort, none: Refusal) -> Drop:
    name = f"kube-proxy/{service.id}:{port.port}"
    rule = _mode_rule(id=name, reason=f"{none.reason}: kube-proxy rejects", source=service.source, mend=none.mend)
    return Drop(rule, Disposition.NO_BACKEND, error=IcmpError.PORT_UNREACHABLE)


def _not_in_ranges(service: Service, port: ServicePort, denied: Disposition) -> Drop:
    rule = source_code_rule(
        id=f"kube-proxy/{service.id}:{port.port}",
        reason=f"{{src}} is in none of loadBalancerSourceRanges of {service.id}: {ranges_text(service)}",
        source=service.source,
        mend=f"add it to services.{service.namespace}/{service.name}.load_balancer_source_ranges",
    )
    return Drop(rule, denied)


def _none_here(service: Service, port: ServicePort, machine: Machine, which: str) -> Drop:
    asked = "one of its own pods" if isinstance(machine, Pod) else "a node that runs one of its pods"
    rule = _mode_rule(
        id=f"kube-proxy/{service.id}:{port.port}",
        reason=f"{which}TrafficPolicy of {service.id} is Local and no end point is on {machine.id}: dropped in silence",
        source=service.source,
        mend=f"ask {asked}, or set {which}_traffic_policy: Cluster",
    )
    return Drop(rule, Disposition.NO_BACKEND)
