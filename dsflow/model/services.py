"""Kubernetes Services and the load balancers that OCI builds for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from dsflow.net.address import Address, Family, Prefix

__all__ = ["HEALTHZ", "NODE_PORTS", "LoadBalancer", "Refusal", "Service", "ServicePort"]


NODE_PORTS = range(30000, 32768)
"""Among which Kubernetes draws node ports (kube-apiserver, --service-node-port-range)."""

HEALTHZ = 10256
"""The port of kube-proxy's own health check (--healthz-bind-address)."""


class Refusal(NamedTuple):
    """Why a Service is not served, what would mend it, and the key of the Service that says so, if one does."""

    reason: str
    mend: str
    key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePort:
    """One port of a Service: the load balancer's listener, the pods' port behind it, and the nodes' port.

    ``target_port`` is a number, or a name that each pod gives a number of its own.  Without a ``node_port`` one is
    chosen where one is needed.
    """

    protocol: str
    port: int
    target_port: int | str
    name: str | None = None
    node_port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A Service: a label selector, ports, and, for type LoadBalancer, the load balancer in front.

    ``external_policy`` and ``internal_policy`` are its externalTrafficPolicy and internalTrafficPolicy: Cluster or
    Local.  ``session_affinity`` is None or ClientIP in Kubernetes' words.  A ``headless`` Service has no ClusterIP:
    its name leads to its pods themselves.  ``ip_families`` are its ipFamilies in order, ``source_ranges`` its
    loadBalancerSourceRanges; ``annotations`` are for the cloud controller.
    """

    namespace: str
    name: str
    type: str = "ClusterIP"
    selector: tuple[tuple[str, str], ...] = ()
    ports: tuple[ServicePort, ...] = ()
    cluster_ipv4: Address | None = None
    cluster_ipv6: Address | None = None
    headless: bool = False
    load_balancer: str | None = None
    external_policy: str = "Cluster"
    internal_policy: str = "Cluster"
    session_affinity: str = "None"
    ip_family_policy: str | None = None
    ip_families: tuple[Family, ...] = ()
    source_ranges: tuple[Prefix, ...] = ()
    health_check_node_port: int | None = None
    annotations: tuple[tuple[str, str], ...] = ()
    source: str = ""

    def cluster_address(self, family: Family) -> Address | None:
        """The ClusterIP of one family."""
        return self.cluster_ipv4 if family is Family.IPV4 else self.cluster_ipv6

    @property
    def families(self) -> tuple[Family, ...]:
        """The families that it serves, the first of them its primary one.

        What is written decides: the families, else those of the ClusterIPs.  Where neither is, SingleStack serves
        IPv4, the first family of OKE's dual-stack clusters, and anything else both
        (kubernetes.io/docs/concepts/services-networking/dual-stack).
        """
        given = tuple(family for family in Family if self.cluster_address(family) is not None)
        chosen = self.ip_families or given
        if self.ip_family_policy == "SingleStack":
            return (chosen or (Family.IPV4,))[:1]
        if self.ip_family_policy == "RequireDualStack" or not chosen:
            return (*chosen, *(family for family in Family if family not in chosen))
        if self.ip_family_policy == "PreferDualStack" and not given:
            return (*chosen, *(family for family in Family if family not in chosen))
        return chosen

    @property
    def has_health_check(self) -> bool:
        """Whether kube-proxy answers on every node for its end points there (healthCheckNodePort)."""
        return self.type == "LoadBalancer" and self.external_policy == "Local"

    def annotation(self, key: str) -> str | None:
        """What an annotation says."""
        return next((value for name, value in self.annotations if name == key), None)

    @property
    def id(self) -> str:
        """``service/NAMESPACE/NAME``: an end point of a question, never a hop."""
        return f"service/{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer:
    """A load balancer: a private VIP of each family, perhaps a public IPv4 one.

    ``kind`` is flexible, a proxy, or network, which translates addresses.  ``backends`` are nodes, or pods as the
    native ingress controller has it.  ``fail_open`` leads a network load balancer to all nodes where none is healthy.
    A transparent one has ``appliances`` instead, to which it hands on what rules lead to it, as it is; with
    ``symmetric_hash`` both directions of a flow to the same.
    """

    name: str
    subnet: str
    kind: str = "flexible"
    ipv4: Address | None = None
    public_ipv4: Address | None = None
    ipv6: Address | None = None
    backends: str = "nodes"
    fail_open: bool = False
    appliances: tuple[str, ...] = ()
    symmetric_hash: bool = False
    nsgs: tuple[str, ...] = ()
    source: str = ""

    @property
    def id(self) -> str:
        """``lb/NAME``."""
        return f"lb/{self.name}"

    @property
    def is_network(self) -> bool:
        """Whether it translates addresses instead of ending connections."""
        return self.kind == "network"

    @property
    def is_transparent(self) -> bool:
        """Whether it hands packets on as they are (OCI's source/destination preservation)."""
        return bool(self.appliances)

    def address(self, family: Family) -> Address | None:
        """The VIP inside the VCN."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6
