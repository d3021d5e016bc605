"""What the author of a Service's annotations should know: refused, contradictory, of the other kind, unknown."""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.errors import did_you_mean
from dsflow.model import annotated, controller
from dsflow.model.controller import balancer_of
from dsflow.model.services import LoadBalancer, Service
from dsflow.model.topology import Profile, Topology
from dsflow.scenario.parsed import Parsed

__all__ = ["contradictions", "refusals", "without_effect"]


_LIKE_ORACLE = ("oraclecloud.com/", "/oci-load-balancer")
"""What is in keys that are meant for the controller, be they spelt wrong."""


def refusals(topology: Topology, parsed: Parsed) -> None:
    """A Service for which the cloud controller builds no load balancer is not reached from outside."""
    if topology.profile is Profile.AS_BUILT:
        for name, service in topology.services.items():
            for reason, mend, key in controller.refusals(service, topology):
                parsed.note(("services", name, *key), f"{reason}: {mend}")


def without_effect(topology: Topology, parsed: Parsed) -> None:
    """Annotations of Oracle's that nobody reads, or that change nothing here."""
    if topology.profile is Profile.AS_BUILT:
        for name, service in topology.services.items():
            for key, _ in service.annotations:
                told = _without_effect(key, service, balancer_of(service, topology))
                if told is not None:
                    parsed.note(("services", name, "annotations", key), told)


def _without_effect(key: str, service: Service, balancer: LoadBalancer | None) -> str | None:
    if not key.startswith(annotated.OF_ORACLE) and not any(part in key for part in _LIKE_ORACLE):
        return None
    known = annotated.KNOWN.get(key)
    if known is None:
        return f"the cloud controller knows no such annotation{did_you_mean(key, annotated.KNOWN)}"
    if balancer is None:
        return f"no effect with type: {service.type}"
    if balancer.kind not in known.kinds:
        return f"no effect: it is for {known.kinds[0]} load balancers, and {balancer.id} is a {balancer.kind} one"
    return None if known.modelled else "no effect here: it is not modelled"


def contradictions(topology: Topology, parsed: Parsed) -> None:
    """Annotations that say something else than the load balancer that is written, or than each other."""
    if topology.profile is Profile.AS_BUILT:
        for name, service in topology.services.items():
            balancer = balancer_of(service, topology)
            if balancer is not None and balancer.is_network and annotated.load_balancer_type(service) is None:
                told = f"without the annotation {annotated.TYPE}: nlb the controller builds a flexible load balancer"
                parsed.note(("services", name), f"{balancer.id} is a network one, but {told}")
            if balancer is not None:
                for key, told in _contradictions(service, balancer, topology):
                    parsed.note(("services", name, "annotations", key), told)


def _contradictions(service: Service, balancer: LoadBalancer, topology: Topology) -> Iterator[tuple[str, str]]:
    key = annotated.INTERNAL[balancer.kind]
    given = service.annotation(key)
    if given is not None and annotated.internal(service, balancer) and balancer.public_ipv4 is not None:
        yield key, f'"{given}", but {balancer.id} has the public address {balancer.public_ipv4}'
    if given is not None and not annotated.internal(service, balancer) and balancer.public_ipv4 is None:
        yield key, f'"{given}", but {balancer.id} has no public address'
    yield from _of_places(service, balancer, topology)
    yield from _of_modes(service, balancer)
    yield from _of_groups(service, balancer, topology)
    yield from _of_listeners(service, balancer)


def _of_places(service: Service, balancer: LoadBalancer, topology: Topology) -> Iterator[tuple[str, str]]:
    key = annotated.SUBNET[balancer.kind]
    wanted = annotated.subnet(service, balancer)
    if wanted in topology.subnets and wanted != balancer.subnet:
        yield key, f'"{wanted}", but {balancer.id} is in subnet/{balancer.subnet}'
    elif wanted is not None and wanted not in topology.subnets:
        yield key, f"no effect here: {balancer.id} is in subnet/{balancer.subnet}, as its addresses are"
    if annotated.hides_private_address(service) and balancer.public_ipv4 is None:
        yield annotated.EXTERNAL_IP_ONLY, f'"true", but {balancer.id} has no public address to list'


def _of_groups(service: Service, balancer: LoadBalancer, topology: Topology) -> Iterator[tuple[str, str]]:
    """The groups of back ends that the controller is to manage."""
    key = annotated.BACKEND_GROUPS
    if service.annotation(key) is not None and controller.rule_mode(service, balancer, topology) != "NSG":
        yield key, f"no effect without {annotated.RULE_MODE}: NSG"
        return
    for name in annotated.backend_groups(service):
        if name not in topology.nsgs:
            yield key, f'"{name}" is no NSG of the scenario, so that no rule is added to it here'


def _of_listeners(service: Service, balancer: LoadBalancer) -> Iterator[tuple[str, str]]:
    """The proxy protocol is for listeners of TCP (docs.oracle.com Balance/Reference/httpheaders.htm, 2026-09)."""
    if balancer.is_network or service.annotation(annotated.PROXY_PROTOCOL) is None:
        return
    protocol = annotated.listener_protocol(service)
    if protocol != "TCP":
        yield annotated.PROXY_PROTOCOL, f"no effect with {protocol} listeners, which tell in X-Forwarded-For"


def _of_modes(service: Service, balancer: LoadBalancer) -> Iterator[tuple[str, str]]:
    key = annotated.LIST_MODE[balancer.kind]
    mode = service.annotation(key)
    if mode is not None and service.annotation(annotated.RULE_MODE) is not None:
        yield key, f"no effect beside {annotated.RULE_MODE}"
    elif mode is not None and not balancer.is_network and mode not in ("All", "Frontend", "None"):
        yield key, f'"{mode}" is no mode: the controller takes All'
    kind = service.annotation(annotated.TYPE)
    if kind is not None and annotated.wrong_value(annotated.TYPE, kind) is not None:
        yield annotated.TYPE, f'"{kind}" is no type: the controller takes lb'
