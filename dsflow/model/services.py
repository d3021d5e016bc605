"""Kubernetes Services and the load balancers that OCI builds for them."""

from __future__ import annotations

from dataclasses import dataclass

from dsflow.net.address import Address, Family

__all__ = ["LoadBalancer", "Service", "ServicePort"]


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
    Local.
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
    source: str = ""

    def cluster_address(self, family: Family) -> Address | None:
        """The ClusterIP of one family."""
        return self.cluster_ipv4 if family is Family.IPV4 else self.cluster_ipv6

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
    source: str = ""

    @property
    def id(self) -> str:
        """``lb/NAME``."""
        return f"lb/{self.name}"

    def address(self, family: Family) -> Address | None:
        """The VIP inside the VCN."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6
