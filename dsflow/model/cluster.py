"""The Kubernetes cluster: nodes, pods, namespaces, and what listens on them."""

from __future__ import annotations

from dataclasses import dataclass

from dsflow.net.address import Address, Family

__all__ = ["MOST_PODS", "PODS_OF_A_VIRTUAL_NODE", "PODS_PER_VNIC", "Listener", "Machine", "Namespace", "Node", "Pod"]

MOST_PODS = 110
"""What a kubelet runs unless it is told otherwise (kubernetes.io, KubeletConfiguration, maxPods)."""

PODS_OF_A_VIRTUAL_NODE = 500
"""docs.oracle.com ContEng/Tasks/contengcomparingvirtualwithmanagednodes_topic.htm (2024-10)."""

PODS_PER_VNIC = 31
"""The classic number: 32 IPv4 addresses on a VNIC less its own (docs.oracle.com Network/Tasks/managingVNICs.htm, 2025).

The page of 2026 allows 64, and VNIC profiles up to 256 on a node, where the node pool asks for them.
"""


@dataclass(frozen=True, slots=True, order=True)
class Listener:
    """A protocol and port that answers: ``tcp/80``.

    >>> Listener.parse("udp/53")
    Listener(protocol='udp', port=53)
    """

    protocol: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Listener:
        """The listener that ``text`` names; ValueError tells what is wrong with it."""
        protocol, slash, port = text.partition("/")
        if not slash or protocol not in ("tcp", "udp") or not (port.isascii() and port.isdigit()):
            raise ValueError(f'"{text}": a listener is written tcp/PORT or udp/PORT')
        if not 1 <= int(port) <= 65535:
            raise ValueError(f'"{text}": a port is 1-65535')
        return cls(protocol, int(port))

    def __str__(self) -> str:
        return f"{self.protocol}/{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A namespace and its labels."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A worker node: the addresses of its primary VNIC.  Pod VNICs follow from its pods' subnets.

    On a ``virtual`` node each pod is a machine of its own, with a VNIC and kube-proxy in it.
    ``nsgs`` are the groups that its primary VNIC is in, ``pod_nsgs`` those of its pod VNICs, or of its pods' VNICs.
    ``route_table`` is that of its primary VNIC, None for the subnet's.  ``max_pods`` is what its kubelet runs at most,
    ``pod_vnics`` how many VNICs it has for pods; None where the scenario does not say.
    """

    name: str
    subnet: str
    virtual: bool = False
    ipv4: Address | None = None
    ipv6: Address | None = None
    public_ipv4: Address | None = None
    availability_domain: str = "AD-1"
    labels: tuple[tuple[str, str], ...] = ()
    listen: tuple[Listener, ...] = ()
    nsgs: tuple[str, ...] = ()
    pod_nsgs: tuple[str, ...] = ()
    route_table: str | None = None
    max_pods: int | None = None
    pod_vnics: int | None = None
    source: str = ""

    @property
    def id(self) -> str:
        """``node/NAME``."""
        return f"node/{self.name}"

    @property
    def most_pods(self) -> int:
        """What its kubelet runs at most."""
        if self.max_pods is not None:
            return self.max_pods
        return PODS_OF_A_VIRTUAL_NODE if self.virtual else MOST_PODS

    @property
    def pod_capacity(self) -> int:
        """How many pods it can hold: what its kubelet runs, and no more than its VNICs have addresses for if known."""
        return self.most_pods if self.pod_vnics is None else min(self.most_pods, PODS_PER_VNIC * self.pod_vnics)

    def address(self, family: Family) -> Address | None:
        """The node's address of one family."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod with its own addresses, or a host-network pod, which has its node's (then ``subnet`` is None).

    ``ports`` are its containers' named ports, which say nothing of what listens.  ``ready`` is what its readiness
    probe finds.  A ``terminating`` pod is one being deleted.  ``route_table`` is that of its addresses, None for the
    subnet's.
    """

    namespace: str
    name: str
    node: str
    subnet: str | None = None
    ipv4: Address | None = None
    ipv6: Address | None = None
    host_network: bool = False
    labels: tuple[tuple[str, str], ...] = ()
    listen: tuple[Listener, ...] = ()
    ports: tuple[tuple[str, Listener], ...] = ()
    ready: bool = True
    terminating: bool = False
    route_table: str | None = None
    source: str = ""

    @property
    def id(self) -> str:
        """``pod/NAMESPACE/NAME``."""
        return f"pod/{self.namespace}/{self.name}"

    def address(self, family: Family) -> Address | None:
        """The pod's own address of one family; None for a host-network pod."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6


Machine = Node | Pod
"""Where kube-proxy runs: a managed node, or a pod on a virtual node."""
