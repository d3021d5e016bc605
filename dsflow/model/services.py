"""Kubernetes Services and the load balancers that OCI builds for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from dsflow.net.address import Address, Family

__all__ = ["NODE_PORTS", "LoadBalancer", "Refusal", "Service", "ServicePort"]


NODE_PORTS = range(30000, 32768)
"""Among which Kubernetes draws node ports (kube-apiserver, --service-node-port-range)."""


class Refusal(NamedTuple):
    """Why a Service is not served, and what would mend it."""

    reason: str
    mend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePort:
    """One port of a Service: the load balancer's listener, the pods' port behind it, and the nodes' port.

    Without a ``node_port`` one is chosen where one is needed.
    """

    protocol: str
    port: int
    target_port: int
    name: str | None = None
    node_port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A Service: a label selector, ports, and, for type LoadBalancer, the load balancer in front.

    ``external_policy`` and ``internal_policy`` are its externalTrafficPolicy and internalTrafficPolicy: Cluster or
    Local.  ``session_affinity`` is None or ClientIP in Kubernetes' words.
    """

    namespace: str
    name: str
    type: str = "ClusterIP"
    selector: tuple[tuple[str, str], ...] = ()
    ports: tuple[ServicePort, ...] = ()
    cluster_ipv4: Address | None = None
    cluster_ipv6: Address | None = None
    load_balancer: str | None = None
    external_policy: str = "Cluster"
    internal_policy: str = "Cluster"
    session_affinity: str = "None"
    source: str = ""

    def cluster_address(self, family: Family) -> Address | None:
        """The ClusterIP of one family."""
        return self.cluster_ipv4 if family is Family.IPV4 else self.cluster_ipv6

    @property
    def families(self) -> tuple[Family, ...]:
        """The families that it serves: those of its ClusterIPs, or both where it has none written."""
        given = tuple(family for family in Family if self.cluster_address(family) is not None)
        return given or tuple(Family)

    @property
    def refusal(self) -> Refusal | None:
        """Why the cloud controller builds no flexible load balancer for it; None where it does.

        oracle/oci-cloud-controller-manager v1.35.0, pkg/cloudprovider/providers/oci/load_balancer.go.
        """
        if self.session_affinity != "None":
            reason = f"{self.id} has sessionAffinity {self.session_affinity}, which the cloud controller refuses"
            return Refusal(reason, f"leave out services.{self.namespace}/{self.name}.session_affinity")
        if Family.IPV4 not in self.families:
            reason = f"{self.id} is single-stack IPv6, which the cloud controller refuses for a flexible load balancer"
            return Refusal(reason, "serve IPv4 too, or use a network load balancer")
        return None

    @property
    def id(self) -> str:
        """``service/NAMESPACE/NAME``: an end point of a question, never a hop."""
        return f"service/{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer:
    """A flexible load balancer: a proxy with a private IPv4 VIP, perhaps a public one, and an IPv6 VIP."""

    name: str
    subnet: str
    ipv4: Address
    public_ipv4: Address | None = None
    ipv6: Address | None = None
    nsgs: tuple[str, ...] = ()
    source: str = ""

    @property
    def id(self) -> str:
        """``lb/NAME``."""
        return f"lb/{self.name}"

    def address(self, family: Family) -> Address | None:
        """The VIP inside the VCN."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6
