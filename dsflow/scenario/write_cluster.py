"""Nodes, namespaces, pods, Services and load balancers as plain data."""

from __future__ import annotations

from typing import Any

from dsflow.model.cluster import Node, Pod
from dsflow.model.services import LoadBalancer, Service, ServicePort
from dsflow.model.topology import Topology
from dsflow.scenario.write_common import said, text, texts

__all__ = ["balancer_data", "namespaces_data", "node_data", "pod_data", "service_data"]


def node_data(node: Node) -> dict[str, Any]:
    """A node."""
    return said(
        {
            "kind": "virtual" if node.virtual else None,
            "ipv4": text(node.ipv4),
            "ipv6": text(node.ipv6),
            "public_ipv4": text(node.public_ipv4),
            "availability_domain": node.availability_domain,
            "labels": dict(node.labels),
            "listen": texts(node.listen),
            "nsgs": list(node.nsgs),
            "pod_nsgs": list(node.pod_nsgs),
            "route_table": node.route_table,
            "max_pods": node.max_pods,
            "pod_vnics": node.pod_vnics,
        }
    )


def namespaces_data(topology: Topology) -> dict[str, Any]:
    """Those that say more than that a pod or Service lives in them."""
    implied = {pod.namespace for pod in topology.pods.values()}
    implied |= {service.namespace for service in topology.services.values()}
    implied |= {policy.namespace for policy in topology.network_policies.values()}
    return {
        name: said({"labels": dict(namespace.labels)})
        for name, namespace in topology.namespaces.items()
        if namespace.labels or name not in implied
    }


def pod_data(pod: Pod) -> dict[str, Any]:
    """A pod."""
    return said(
        {
            "node": pod.node,
            "host_network": pod.host_network or None,
            "ipv4": text(pod.ipv4),
            "ipv6": text(pod.ipv6),
            "labels": dict(pod.labels),
            "listen": texts(pod.listen),
            "ports": {name: str(port) for name, port in pod.ports},
            "ready": None if pod.ready else False,
            "terminating": pod.terminating or None,
            "route_table": pod.route_table,
        }
    )


def service_data(service: Service) -> dict[str, Any]:
    """A Service."""
    return said(
        {
            "type": service.type,
            "selector": dict(service.selector),
            "ports": [_port(port) for port in service.ports],
            "load_balancer": service.load_balancer,
            "cluster_ipv4": text(service.cluster_ipv4),
            "cluster_ipv6": text(service.cluster_ipv6),
            "headless": service.headless or None,
            "ip_family_policy": service.ip_family_policy,
            "ip_families": texts(service.ip_families),
            "external_traffic_policy": _unless_cluster(service.external_policy),
            "internal_traffic_policy": _unless_cluster(service.internal_policy),
            "session_affinity": None if service.session_affinity == "None" else service.session_affinity,
            "load_balancer_source_ranges": texts(service.source_ranges),
            "health_check_node_port": service.health_check_node_port,
            "annotations": dict(service.annotations),
        }
    )


def _port(port: ServicePort) -> dict[str, Any]:
    return said(
        {
            "port": port.port,
            "target_port": port.target_port,
            "protocol": port.protocol,
            "name": port.name,
            "node_port": port.node_port,
        }
    )


def _unless_cluster(policy: str) -> str | None:
    """A traffic policy, unless it is what holds when none is written."""
    return None if policy == "Cluster" else policy


def balancer_data(balancer: LoadBalancer) -> dict[str, Any]:
    """A load balancer."""
    addresses = {"ipv4": balancer.ipv4, "public_ipv4": balancer.public_ipv4, "ipv6": balancer.ipv6}
    return said(
        {
            "kind": balancer.kind,
            **{key: text(address) for key, address in addresses.items()},
            "backends": None if balancer.backends == "nodes" else balancer.backends,
            "is_fail_open": balancer.fail_open or None,
            "is_preserve_source_destination": balancer.is_transparent or None,
            "appliances": list(balancer.appliances),
            "is_symmetric_hash_enabled": balancer.symmetric_hash or None,
            "nsgs": list(balancer.nsgs),
        }
    )
