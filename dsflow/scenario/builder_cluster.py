"""Nodes, namespaces, pods, Services and load balancers from their text."""

from __future__ import annotations

from collections.abc import Mapping

from dsflow.model.cluster import Namespace, Node, Pod
from dsflow.model.services import LoadBalancer, Service, ServicePort
from dsflow.net.address import Family
from dsflow.scenario.parsed import Parsed
from dsflow.scenario.placement import Placement
from dsflow.scenario.schema_cluster import ServiceText

__all__ = ["ClusterBuilder"]


class ClusterBuilder:
    """Records of the cluster, kind by kind; ``placement`` finds their subnets."""

    def __init__(self, parsed: Parsed, placement: Placement) -> None:
        self._parsed = parsed
        self._text = parsed.text
        self._source = parsed.document.source
        self._placement = placement

    def node(self, name: str) -> Node:
        """The node of this name."""
        text = self._text.nodes[name]
        subnet = self._placement.subnet_of(("nodes", name), text.subnet, text.ipv4, text.ipv6)
        return Node(
            name=name,
            subnet=subnet,
            virtual=text.kind == "virtual",
            ipv4=text.ipv4,
            ipv6=text.ipv6,
            public_ipv4=text.public_ipv4,
            availability_domain=text.availability_domain,
            labels=_labels(text.labels),
            listen=tuple(text.listen),
            nsgs=tuple(text.nsgs),
            pod_nsgs=tuple(text.pod_nsgs),
            route_table=text.route_table,
            max_pods=text.max_pods,
            pod_vnics=text.pod_vnics,
            source=self._source(("nodes", name)),
        )

    def namespaces(self) -> dict[str, Namespace]:
        """The namespaces listed, and those that pods and Services live in."""
        namespaces = {
            name: Namespace(name=name, labels=_labels(text.labels), source=self._source(("namespaces", name)))
            for name, text in self._text.namespaces.items()
        }
        for collection in ("pods", "services", "network_policies"):
            for qualified in getattr(self._text, collection):
                name = qualified.partition("/")[0]
                if name not in namespaces:
                    namespaces[name] = Namespace(name=name, source=self._source((collection, qualified)))
        return namespaces

    def pod(self, qualified: str) -> Pod:
        """The pod of this ``NAMESPACE/NAME``."""
        text = self._text.pods[qualified]
        path = ("pods", qualified)
        namespace, _, name = qualified.partition("/")
        subnet = None
        if not text.host_network:
            subnet = self._placement.subnet_of(path, text.subnet, text.ipv4, text.ipv6)
        elif any(value is not None for value in (text.ipv4, text.ipv6, text.subnet)):
            self._parsed.report(path, "host_network: true beside addresses or a subnet", "one or the other")
        return Pod(
            namespace=namespace,
            name=name,
            node=text.node,
            subnet=subnet,
            ipv4=text.ipv4,
            ipv6=text.ipv6,
            host_network=text.host_network,
            labels=_labels(text.labels),
            listen=tuple(text.listen),
            ports=tuple(sorted(text.ports.items())),
            ready=text.ready,
            terminating=text.terminating,
            route_table=text.route_table,
            source=self._source(path),
        )

    def service(self, qualified: str, text: ServiceText) -> Service:
        """The Service of this ``NAMESPACE/NAME``."""
        namespace, _, name = qualified.partition("/")
        policy, families = self._families(text)
        ports = tuple(
            ServicePort(
                protocol=port.protocol,
                port=port.port,
                target_port=port.target_port or port.port,
                name=port.name,
                node_port=port.node_port,
            )
            for port in text.ports
        )
        return Service(
            namespace=namespace,
            name=name,
            type=text.type,
            selector=_labels(text.selector),
            ports=ports,
            cluster_ipv4=text.cluster_ipv4,
            cluster_ipv6=text.cluster_ipv6,
            headless=text.headless,
            load_balancer=text.load_balancer,
            external_policy=text.external_traffic_policy,
            internal_policy=text.internal_traffic_policy,
            session_affinity=text.session_affinity,
            ip_family_policy=policy,
            ip_families=families,
            source_ranges=tuple(text.load_balancer_source_ranges),
            health_check_node_port=text.health_check_node_port,
            annotations=_labels(text.annotations),
            source=self._source(("services", qualified)),
        )

    def _families(self, text: ServiceText) -> tuple[str | None, tuple[Family, ...]]:
        """The policy and the families; the API server's own where nothing is told of a Service's addresses.

        It makes the Service single-stack, of the family of the first Service range, and one that is headless and
        selects nothing dual-stack (kubernetes.io/docs/concepts/services-networking/dual-stack, 2026).
        """
        told = text.ip_family_policy or text.ip_families or text.cluster_ipv4 or text.cluster_ipv6 or text.load_balancer
        if told or self._text.profile != "as-built" or (text.headless and not text.selector):
            return text.ip_family_policy, tuple(_FAMILIES[family] for family in text.ip_families)
        return "SingleStack", tuple(prefix.family for prefix in self._text.service_ranges[:1])

    def load_balancer(self, name: str) -> LoadBalancer:
        """The load balancer of this name."""
        text = self._text.load_balancers[name]
        path = ("load_balancers", name)
        transparent = text.is_preserve_source_destination
        if transparent and not text.appliances:
            self._parsed.report(path, "is_preserve_source_destination: true without appliances", "appliances")
        for key in ("appliances", "is_symmetric_hash_enabled") if not transparent else ():
            if getattr(text, key):
                found = f"{key} without is_preserve_source_destination"
                self._parsed.report((*path, key), found, "is_preserve_source_destination: true beside it")
        return LoadBalancer(
            name=name,
            kind=text.kind,
            subnet=self._placement.subnet_of(path, text.subnet, text.ipv4, text.ipv6),
            ipv4=text.ipv4,
            public_ipv4=text.public_ipv4,
            ipv6=text.ipv6,
            backends=text.backends,
            fail_open=text.is_fail_open,
            appliances=tuple(text.appliances) if transparent else (),
            symmetric_hash=text.is_symmetric_hash_enabled,
            nsgs=tuple(text.nsgs),
            source=self._source(path),
        )


_FAMILIES = {str(family): family for family in Family}


def _labels(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))
