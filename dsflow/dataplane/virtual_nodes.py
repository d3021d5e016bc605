"""Virtual nodes, which run nothing themselves: each of their pods is a machine of the VCN, with kube-proxy in it.

Source: docs.oracle.com ContEng/Tasks/contengcomparingvirtualwithmanagednodes_topic.htm (2024-10): load balancers lead
to ``<pod-ip>:<nodeport>``, and kube-proxy runs in the pods.  That each pod has a VNIC is in the Oracle SDK,
oci.container_engine.models.PodConfiguration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dsflow.dataplane.action import Delay, Drop, Forward, IcmpError, Neighbor, Rule
from dsflow.dataplane.common import (
    LINUX_FORWARD,
    PROTOCOL_NUMBERS,
    listeners,
    not_forwarding,
    origin_mtu,
    own_addresses,
    routes,
)
from dsflow.dataplane.device import Device, Toll
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.hosts import ENDPOINT_TOLL, icmp_sources, interface, source_check
from dsflow.dataplane.index import Index
from dsflow.dataplane.kube_proxy import with_services
from dsflow.dataplane.linux_checks import martians
from dsflow.dataplane.nat import NatCapability, NatKind
from dsflow.dataplane.tables import Listeners, RouteLookup
from dsflow.model.cluster import Machine, Node, Pod
from dsflow.net.ranges import PortRange

__all__ = ["compile_virtual_node", "compile_virtual_pod"]

_IDLE = Rule(reason="no kube-proxy runs on a virtual node: it runs in the pods")
_CAPABILITIES = tuple(
    NatCapability(kind=kind, idle=_IDLE)
    for kind in (NatKind.SERVICE_DNAT, NatKind.MASQUERADE, NatKind.HAIRPIN_MASQUERADE)
)


def compile_virtual_pod(pod: Pod, index: Index) -> Device:
    """A pod on a virtual node: it leaves by a VNIC of its own, and forwards what its kube-proxy leads to others."""
    way_out = _way_out(pod, index)
    device = replace(
        _machine(pod, index, listeners(pod.id, pod.listen, f"pods.{pod.namespace}/{pod.name}")),
        receive=(martians(pod.ipv4), way_out),
        forward=LINUX_FORWARD,
        toll=Toll(
            forwarded=(Delay("pod_hop"), Delay("ct_established")),
            forwarded_new=(Delay("pod_hop"), Delay("ct_new")),
            delivered=ENDPOINT_TOLL,
            machine=pod.id,
        ),
    )
    return with_services(device, pod, index)


def compile_virtual_node(node: Node, index: Index) -> Device:
    """A virtual node: a VNIC of Oracle's, behind which no pod is, nor any node port."""
    answering = listeners(node.id, node.listen, f"nodes.{node.name}")
    device = _machine(node, index, replace(answering, unsaid=tuple(_node_ports(node, index))))
    return replace(device, capabilities=_CAPABILITIES)


def _machine(machine: Machine, index: Index, answering: Listeners) -> Device:
    addresses = (machine.ipv4, machine.ipv6)
    own = own_addresses(addresses)
    return Device(
        id=machine.id,
        kind=machine.id.partition("/")[0],
        interfaces={"eth0": interface("eth0", *addresses)},
        receive=(martians(machine.ipv4), RouteLookup(tables={None: routes(own, not_forwarding(machine.id))})),
        deliver=(answering,),
        send=(_way_out(machine, index),),
        leave=(origin_mtu, source_check(machine, {"eth0": addresses})),
        icmp_sources=icmp_sources(machine),
        toll=Toll(delivered=ENDPOINT_TOLL, machine=machine.id),
        source=machine.source,
    )


def _way_out(machine: Machine, index: Index) -> RouteLookup:
    subnet = machine.subnet
    assert subnet is not None, "it has a VNIC"
    whose = "pod on a virtual node leaves by its own VNIC" if isinstance(machine, Pod) else "node leaves by its VNIC"
    link = index.vnic(machine, subnet, "eth0").link
    out = Forward(
        Rule(reason=f"what is sent by a {whose} in subnet/{subnet}"),
        Neighbor("eth0", index.vcn_of(subnet).id, f"subnet/{subnet}", link),
    )
    return RouteLookup(tables={None: routes(own_addresses((machine.ipv4, machine.ipv6)), out)})


def _node_ports(node: Node, index: Index) -> Iterator[tuple[int, PortRange, Drop]]:
    """What is told of whoever asks the node at a node port, which is its pods' affair."""
    ends = index.service_ends
    for service in index.topology.services.values():
        for port in service.ports if service.type != "ClusterIP" else ():
            number = ends.node_port(service, port)
            rule = Rule(
                reason=f"{{protocol}}/{{dport}} is the node port of {service.id}, which pods on virtual nodes serve at "
                f"addresses of their own: {node.id} does not",
                source=service.source,
                mend=f"ask one of its pods at node port {number}",
            )
            drop = Drop(rule, Disposition.NO_LISTENER, error=IcmpError.PORT_UNREACHABLE, resets=True)
            yield PROTOCOL_NUMBERS[port.protocol], PortRange(number, number), drop
