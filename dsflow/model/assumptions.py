"""The registry of named assumptions: what no source settles, the default taken, and what else could hold.

A rule that rests on one names it, and every chain lists the assumptions of the rules it met.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ASSUMPTIONS", "ICMPV6_ERRORS", "Assumption"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """One open question about a real network and the answer that dsflow takes.

    ``statement`` says what the ``default`` means.  To those of the ``alternatives`` that are ``modelled`` a scenario
    can switch.  ``confidence`` is ``inferred`` where documentation points that way, ``third-party`` where
    others report it, ``unknown`` where nothing does.
    """

    id: str
    statement: str
    default: str
    alternatives: tuple[str, ...]
    modelled: tuple[str, ...] = ()
    confidence: str
    source: str

    @property
    def choices(self) -> tuple[str, ...]:
        """The answers that a scenario can take."""
        return (self.default, *self.modelled)

    @property
    def evidence(self) -> str:
        """What a rule that rests on it can claim: ``inferred``, ``third-party`` or ``assumed``."""
        return "assumed" if self.confidence == "unknown" else self.confidence


ICMPV6_ERRORS = "icmpv6-errors-pass-with-connections"
"""The one that is looked up packet by packet."""

_REGISTRY = (
    Assumption(
        id="vcn-lowers-ttl",
        statement="The VCN's router and the gateways each lower the TTL or hop limit by one when they route; "
        "inside one subnet nothing does.",
        default="lowers",
        alternatives=("leaves",),
        modelled=("leaves",),
        confidence="unknown",
        source="no OCI page states it; RFC 1812 section 5.3.1 asks it of any router",
    ),
    Assumption(
        id="fabric-sends-icmp-errors",
        statement="The VCN's router and the gateways answer an expired or oversized packet from inside the VCN with "
        "an ICMP error from the virtual router address of the sender's subnet, which is its first host address.",
        default="sends",
        alternatives=("silent",),
        modelled=("silent",),
        confidence="inferred",
        source="docs.oracle.com Network/Troubleshoot/connectionhang.htm (2024-10) relies on path MTU discovery; "
        "the sender's address is not documented",
    ),
    Assumption(
        id="igw-rewrites-at-edge",
        statement="A public IPv4 is exchanged for its private one at the Internet gateway, one to one, both ways.",
        default="at-gateway",
        alternatives=("at-vnic",),
        modelled=("at-vnic",),
        confidence="inferred",
        source="docs.oracle.com Network/Tasks/managingIGs.htm (2026-09)",
    ),
    Assumption(
        id="nat-ports-per-destination",
        statement="The NAT gateway picks a free port from 1024-65535 for each destination address and port, and "
        "refuses a new connection when 20,000 to one destination are in use.",
        default="refuses",
        alternatives=("evicts-the-oldest",),
        modelled=("evicts-the-oldest",),
        confidence="unknown",
        source="docs.oracle.com Network/Tasks/NATgateway.htm (2025-02) gives about 20,000; no page tells the policy",
    ),
    Assumption(
        id="nat-idle-as-conntrack",
        statement="A NAT gateway forgets an idle connection after the times of the VCN's connection tracking. No "
        "answer rests on it, as no time passes between the packets of a question.",
        default="as-conntrack",
        alternatives=("other-times",),
        confidence="unknown",
        source="docs.oracle.com Network/Tasks/NATgateway.htm (2025-02) gives no times",
    ),
    Assumption(
        id="ipv6-rules-to-nat-gateways",
        statement="OCI takes an IPv6 rule to a NAT or service gateway, and what the rule covers ends there.",
        default="taken",
        alternatives=("refused",),
        modelled=("refused",),
        confidence="inferred",
        source="docs.oracle.com Network/Concepts/ipv6.htm (2026-09) says that such a gateway carries no IPv6, not "
        "whether the rule is refused",
    ),
    Assumption(
        id="node-masquerade-off",
        statement="A node does not masquerade ordinary pod egress, since pod addresses are routable in the VCN; if it "
        "did, nobody knows behind which address.",
        default="off",
        alternatives=("on",),
        modelled=("on",),
        confidence="inferred",
        source="docs.oracle.com ContEng contengpodnetworking_topic-OCI_CNI_plugin.htm (2026-09)",
    ),
    Assumption(
        id="kube-proxy-mode",
        statement="kube-proxy leads on by iptables rules: each end point is as likely, whatever it has served before, "
        "and what asks a ClusterIP for another port is left alone.",
        default="iptables",
        alternatives=("nftables", "ipvs"),
        modelled=("nftables",),
        confidence="inferred",
        source="docs.oracle.com ContEng, the kube-proxy add-on (2025), where users choose another",
    ),
    Assumption(
        id="kube-proxy-knows-pods",
        statement="kube-proxy tells pods of the cluster from other clients (a local traffic detector), so that under "
        "the policy Local a pod that asks a node port or a load balancer's address is led to any end point, and that "
        "what a node itself asks of a ClusterIP is masqueraded.",
        default="detects",
        alternatives=("does-not-detect",),
        modelled=("does-not-detect",),
        confidence="unknown",
        source="kubernetes pkg/proxy/iptables/proxier.go; OKE's setting with VCN-native pods is not documented",
    ),
    Assumption(
        id="virtual-node-kube-proxy",
        statement="kube-proxy in a pod on a virtual node does as on a node of which the pod is all there is: under the "
        "policy Cluster it leads a node port to any end point of the Service, in both families.",
        default="any-end-point",
        alternatives=("own-pod",),
        modelled=("own-pod",),
        confidence="unknown",
        source="docs.oracle.com ContEng/Tasks/contengcomparingvirtualwithmanagednodes_topic.htm (2024-10) says that it "
        "runs in the pods and that load balancing is between pods",
    ),
    Assumption(
        id="masqueraded-leaves-by-primary-vnic",
        statement="What a pod asks of a node port or a load balancer's address, and kube-proxy masquerades, leaves its "
        "node by the primary VNIC, whose address it gets.",
        default="primary-vnic",
        alternatives=("pod-vnic-with-its-address", "pod-vnic-and-dropped"),
        modelled=("pod-vnic-and-dropped",),
        confidence="unknown",
        source="which addresses OKE gives the interfaces of pod VNICs on the host is not documented",
    ),
    Assumption(
        id="service-answers-by-primary-vnic",
        statement="Answers of a connection that a node translated leave by its primary VNIC, whose address they bear.",
        default="primary-vnic",
        alternatives=("pod-vnic",),
        modelled=("pod-vnic",),
        confidence="inferred",
        source="the VNIC source check (Network/Tasks/managingVNICs.htm, 2026-09) leaves no other way",
    ),
    Assumption(
        id="policies-are-enforced",
        statement="NetworkPolicies are enforced by the node of the pod that they isolate, after a Service's "
        "destination is translated and before sources are; a pod that has its node's addresses is its node to them.",
        default="enforced",
        alternatives=("ignored",),
        modelled=("ignored",),
        confidence="inferred",
        source="kubernetes.io network-policies leaves the order open; Calico and others filter in netfilter's forward "
        "hook; VCN-native pod networking enforces policies only where such an engine is installed",
    ),
    Assumption(
        id="policies-hold-for-icmp",
        statement="A pod that a NetworkPolicy isolates gets and sends ICMP only by rules without ports.",
        default="hold",
        alternatives=("icmp-passes",),
        modelled=("icmp-passes",),
        confidence="unknown",
        source="kubernetes.io/docs/concepts/services-networking/network-policies: defined for TCP, UDP and SCTP, other "
        "protocols may vary by plugin",
    ),
    Assumption(
        id="unwritten-lists-allow-nothing",
        statement="Of a VNIC in a group, the security lists of its subnet allow nothing beside where the scenario does "
        "not write them.",
        default="nothing",
        alternatives=("everything",),
        modelled=("everything",),
        confidence="unknown",
        source="lists and groups are a union (docs.oracle.com Network/Concepts/securityrules.htm, 2026-09), and every "
        "subnet has a list",
    ),
    Assumption(
        id="ndp-passes-security-rules",
        statement="Neighbor Discovery needs no security rule: in IPv6 VNICs find each other whatever their rules are.",
        default="passes",
        alternatives=("judged",),
        modelled=("judged",),
        confidence="inferred",
        source="docs.oracle.com Network/Concepts/ipv6.htm (2026-09) asks for no such rule",
    ),
    Assumption(
        id=ICMPV6_ERRORS,
        statement="An ICMPv6 error passes a VNIC with the tracked connection that it is about, as in IPv4.",
        default="passes",
        alternatives=("judged",),
        modelled=("judged",),
        confidence="inferred",
        source="docs.oracle.com Network/Troubleshoot/connectionhang.htm (2024-10) says so of IPv4",
    ),
    Assumption(
        id="same-node-skips-nsg",
        statement="What pods of one node send each other stays in the node, where no VNIC's security rules are asked, "
        "be they behind one VNIC of it or behind two.",
        default="skips",
        alternatives=("judged-between-vnics",),
        modelled=("judged-between-vnics",),
        confidence="inferred",
        source="security rules hold at VNICs (docs.oracle.com Network/Concepts/securityrules.htm, 2026-09), and the "
        "packet crosses none",
    ),
    Assumption(
        id="nlb-back-ends-are-stateful",
        statement="At the primary VNICs of a network load balancer's back ends, stateless security rules hold as "
        "stateful ones.",
        default="stateful",
        alternatives=("as-written",),
        modelled=("as-written",),
        confidence="third-party",
        source="ateam-oracle.com security-rules-and-monitoring-rule-events; no OCI page states it",
    ),
    Assumption(
        id="nlb-mixed-ports-lack-ipv6",
        statement="Where TCP and UDP share a port of a dual-stack Service, its network load balancer leads nobody on "
        "there in IPv6.",
        default="lacks",
        alternatives=("serves",),
        modelled=("serves",),
        confidence="inferred",
        source="oracle/oci-cloud-controller-manager v1.35.0, load_balancer_spec.go (getBackendSetNamePortMap), makes "
        "no such backend set",
    ),
    Assumption(
        id="nlb-return-path",
        statement="What answers a client whose address a network load balancer kept is brought back to that load "
        "balancer by the fabric, without a route look-up.",
        default="returned",
        alternatives=("routed",),
        modelled=("routed",),
        confidence="unknown",
        source="docs.oracle.com NetworkLoadBalancer/preserve-source-id.htm (2026-09) does not say",
    ),
    Assumption(
        id="nlb-keeps-source-port",
        statement="A network load balancer that hides its client keeps the client's source port, unless another "
        "connection to the same back end holds it.",
        default="keeps",
        alternatives=("draws-one",),
        modelled=("draws-one",),
        confidence="unknown",
        source="no page found",
    ),
    Assumption(
        id="nlb-keeps-ttl",
        statement="A network load balancer leaves the TTL or hop limit as it is.",
        default="leaves",
        alternatives=("lowers",),
        modelled=("lowers",),
        confidence="unknown",
        source="no page found",
    ),
    Assumption(
        id="nodes-bear-ipv6-label",
        statement="Where the scenario tells no node's labels, every node bears the one by which the cloud controller "
        "gives a network load balancer its IPv6 address.",
        default="bears",
        alternatives=("does-not-bear",),
        modelled=("does-not-bear",),
        confidence="inferred",
        source="oracle/oci-cloud-controller-manager v1.35.0, pkg/cloudprovider/providers/oci/instances.go",
    ),
    Assumption(
        id="kube-proxy-health-in-ipv6",
        statement="kube-proxy answers health checks of nodes in IPv6 as in IPv4.",
        default="answers",
        alternatives=("ipv4-only",),
        modelled=("ipv4-only",),
        confidence="unknown",
        source="OKE's healthz-bind-address is not documented",
    ),
    Assumption(
        id="pod-vnic-carries-pod-traffic",
        statement="A packet from a pod to another machine is routed by its node, and leaves through the VNIC of the "
        "pod's subnet.",
        default="pod-vnic",
        alternatives=("primary-vnic", "past-the-node"),
        modelled=("primary-vnic",),
        confidence="inferred",
        source="docs.oracle.com ContEng contengpodnetworking_topic-OCI_CNI_plugin.htm (2026-09)",
    ),
    Assumption(
        id="proxy-keeps-family",
        statement="The load balancer reaches the pod in the client's own family.",
        default="same-family",
        alternatives=("always-ipv4",),
        modelled=("always-ipv4",),
        confidence="inferred",
        source='the article: "IPv6 Client -> LB IPv6 -> Pod IPv6"; Oracle documents IPv4 only for flexible '
        "load balancers (Network/Concepts/ipv6.htm, 2026-09), which the as-built profile follows",
    ),
    Assumption(
        id="ipv4-private-in-internet",
        statement="The Internet beyond the gateways carries no packet to private address space.",
        default="drops",
        alternatives=("leaks",),
        modelled=("leaks",),
        confidence="inferred",
        source="RFC 1918 section 3, RFC 6598 section 4, RFC 4193 section 4.1",
    ),
    Assumption(
        id="sgw-latency-as-igw",
        statement="A service gateway costs as much time as an Internet gateway.",
        default="as-igw",
        alternatives=("less",),
        confidence="unknown",
        source="no figure found",
    ),
    Assumption(
        id="drg-latency-as-igw",
        statement="A DRG costs as much time as an Internet gateway, and the line behind it takes none.",
        default="as-igw",
        alternatives=("as-the-line",),
        confidence="unknown",
        source="no figure found",
    ),
    Assumption(
        id="lpg-latency-as-igw",
        statement="Each of the two local peering gateways of a peering costs as much time as an Internet gateway.",
        default="as-igw",
        alternatives=("less",),
        confidence="unknown",
        source="no figure found",
    ),
)

ASSUMPTIONS: dict[str, Assumption] = {entry.id: entry for entry in _REGISTRY}
"""Every assumption by id."""
