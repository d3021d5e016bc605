"""Everything a scenario describes, in one frozen record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from dsflow.errors import Problem
from dsflow.model.assumptions import ASSUMPTIONS
from dsflow.model.cluster import Machine, Namespace, Node, Pod
from dsflow.model.devices import DeviceLink, GenericDevice
from dsflow.model.internet import InternetHost
from dsflow.model.question import Expectation, Flow
from dsflow.model.services import LoadBalancer, Service
from dsflow.model.vcn import Gateway, RouteTable, Subnet, Vcn
from dsflow.net.address import Prefix

if TYPE_CHECKING:  # most scenarios have neither
    from dsflow.model.policies import NetworkPolicy
    from dsflow.model.security import NetworkSecurityGroup, SecurityList

__all__ = ["Profile", "Topology"]


class Profile(StrEnum):
    """Whose account of the cluster is simulated."""

    ARTICLE = "article"
    AS_BUILT = "as-built"


@dataclass(frozen=True, kw_only=True)
class Topology:
    """A whole network.  Maps are keyed by plain name; pods, services and network policies by
    ``NAMESPACE/NAME``.

    Names are unique within their kind and every reference between objects has been checked: a
    Topology that exists is consistent.  ``assumptions`` are those that the scenario
    switches, by id.  ``findings`` are what its author should know although it can be used.
    """

    name: str
    profile: Profile = Profile.ARTICLE
    description: str = ""
    vcns: Mapping[str, Vcn] = field(default_factory=dict)
    gateways: Mapping[str, Gateway] = field(default_factory=dict)
    route_tables: Mapping[str, RouteTable] = field(default_factory=dict)
    subnets: Mapping[str, Subnet] = field(default_factory=dict)
    security_lists: Mapping[str, SecurityList] = field(default_factory=dict)
    nsgs: Mapping[str, NetworkSecurityGroup] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    pods: Mapping[str, Pod] = field(default_factory=dict)
    service_ranges: tuple[Prefix, ...] = ()
    services: Mapping[str, Service] = field(default_factory=dict)
    network_policies: Mapping[str, NetworkPolicy] = field(default_factory=dict)
    load_balancers: Mapping[str, LoadBalancer] = field(default_factory=dict)
    internet: Mapping[str, InternetHost] = field(default_factory=dict)
    links: Mapping[str, DeviceLink] = field(default_factory=dict)
    devices: Mapping[str, GenericDevice] = field(default_factory=dict)
    flows: tuple[Flow, ...] = ()
    expect: tuple[Expectation, ...] = ()
    assumptions: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Problem, ...] = ()

    def assumes(self, assumption: str) -> str:
        """What is taken to hold where no source tells: the scenario's word, else the registry's default."""
        return self.assumptions.get(assumption, ASSUMPTIONS[assumption].default)

    @property
    def has_security_rules(self) -> bool:
        """Whether anybody wrote security lists or groups."""
        return bool(self.security_lists or self.nsgs)

    @cached_property
    def has_virtual_nodes(self) -> bool:
        """Whether the nodes are virtual: OKE has no clusters of both kinds."""
        return any(node.virtual for node in self.nodes.values())

    def machine_of(self, pod: Pod) -> Machine:
        """Where the kube-proxy is that a pod is local to."""
        node = self.nodes[pod.node]
        return pod if node.virtual else node

    def backends(self, service: Service) -> tuple[Pod, ...]:
        """The pods of the Service's namespace that bear every label of its selector, by name."""
        bearers = [self._bearers.get((service.namespace, label), set()) for label in service.selector]
        names = set.intersection(*bearers) if bearers else set()
        return tuple(self.pods[name] for name in sorted(names))

    @cached_property
    def _bearers(self) -> Mapping[tuple[str, tuple[str, str]], set[str]]:
        """The pods that bear a label in a namespace."""
        found = defaultdict[tuple[str, tuple[str, str]], set[str]](set)
        for name, pod in self.pods.items():
            for label in pod.labels:
                found[pod.namespace, label].add(name)
        return dict(found)
