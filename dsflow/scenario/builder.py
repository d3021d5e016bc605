"""Text models to the model: references resolved, every problem of the scenario told at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict

from dsflow.errors import Problem, ScenarioError
from dsflow.model.topology import Profile, Topology
from dsflow.scenario import checks
from dsflow.scenario.builder_cloud import CloudBuilder
from dsflow.scenario.builder_cluster import ClusterBuilder
from dsflow.scenario.builder_devices import build_device, build_link
from dsflow.scenario.builder_questions import QuestionBuilder
from dsflow.scenario.document import Document
from dsflow.scenario.parsed import Parsed, parse
from dsflow.scenario.placement import Placement

if TYPE_CHECKING:
    from dsflow.model.policies import NetworkPolicy
    from dsflow.model.security import NetworkSecurityGroup, SecurityList

__all__ = ["build"]


def build(document: Document) -> Topology:
    """The network that a scenario describes, every reference resolved and checked.

    Raises
    ------
    ScenarioError
        With all problems, in the order of the text, and the findings beside them.
    """
    parsed = parse(document)
    topology = _topology(parsed)
    checks.run(topology, parsed)
    if parsed.problems:
        raise ScenarioError(*(sorted(told, key=_place) for told in (parsed.problems, parsed.findings)))
    return replace(topology, findings=tuple(parsed.findings))


def _place(told: Problem) -> tuple[str, int]:
    return told.file, told.line or 0


def _topology(parsed: Parsed) -> Topology:
    """Records from text models, kind by kind; what cannot be resolved is reported and left empty."""
    text, source = parsed.text, parsed.document.source
    cloud, questions = CloudBuilder(parsed), QuestionBuilder(parsed)
    subnets = {name: cloud.subnet(name) for name in text.subnets}
    cluster = ClusterBuilder(parsed, Placement(parsed, subnets))
    return Topology(
        name=text.name,
        profile=Profile(text.profile),
        description=text.description,
        assumptions=dict(text.assumptions),
        vcns={name: cloud.vcn(name) for name in text.vcns},
        gateways={name: cloud.gateway(name, gateway) for name, gateway in text.gateways.items()},
        route_tables={name: cloud.route_table(name) for name in text.route_tables},
        subnets=subnets,
        nodes={name: cluster.node(name) for name in text.nodes},
        namespaces=cluster.namespaces(),
        pods={name: cluster.pod(name) for name in text.pods},
        service_ranges=tuple(text.service_ranges),
        services={name: cluster.service(name, service) for name, service in text.services.items()},
        load_balancers={name: cluster.load_balancer(name) for name in text.load_balancers},
        internet={name: cloud.internet_host(name) for name in text.internet},
        links={name: build_link(name, source) for name in text.links},
        devices={name: build_device(name, device, source) for name, device in text.devices.items()},
        flows=tuple(questions.flow(index, flow) for index, flow in enumerate(text.flows)),
        expect=tuple(questions.expectation(index, entry) for index, entry in enumerate(text.expect)),
        **_security(parsed, cloud),
    )


class _Security(TypedDict, total=False):
    security_lists: dict[str, SecurityList]
    nsgs: dict[str, NetworkSecurityGroup]
    network_policies: dict[str, NetworkPolicy]


def _security(parsed: Parsed, cloud: CloudBuilder) -> _Security:
    """What keeps packets out, where anything is written of that."""
    text = parsed.text
    if not (text.security_lists or text.nsgs or text.network_policies):
        return {}
    from dsflow.scenario.builder_security import SecurityBuilder  # most scenarios need none

    security = SecurityBuilder(parsed)
    return {
        "security_lists": {
            name: security.security_list(name, cloud.vcn_of("security_lists", name, entry.vcn))
            for name, entry in text.security_lists.items()
        },
        "nsgs": {name: security.nsg(name, cloud.vcn_of("nsgs", name, entry.vcn)) for name, entry in text.nsgs.items()},
        "network_policies": {
            name: security.network_policy(name, policy) for name, policy in text.network_policies.items()
        },
    }
