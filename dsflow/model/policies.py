"""NetworkPolicies (networking.k8s.io/v1): which pods they select, and whom their rules let in and out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from dsflow.net.address import Prefix

__all__ = [
    "NAMESPACE_NAME",
    "Expression",
    "IpBlock",
    "NetworkPolicy",
    "PolicyPeer",
    "PolicyPort",
    "PolicyRule",
    "Selector",
    "Side",
]

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that Kubernetes gives every namespace: its name."""


class Side(StrEnum):
    """Whom a rule is about: those who come in, or those to whom a pod goes out."""

    INGRESS = "ingress"
    EGRESS = "egress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A requirement of a label: ``operator`` is In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels fulfil it; a label that is not there is in no set, and so is NotIn every one."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case _:
                return self.key not in labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A label selector: every label and every expression must hold, so that an empty one selects all.

    >>> Selector(labels=(("app", "web"),)).selects({"app": "web", "tier": "front"})
    True
    """

    labels: tuple[tuple[str, str], ...] = ()
    expressions: tuple[Expression, ...] = ()

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        wanted = all(labels.get(key) == value for key, value in self.labels)
        return wanted and all(expression.holds(labels) for expression in self.expressions)

    def __str__(self) -> str:
        told = [f"{key}={value}" for key, value in self.labels]
        told += [" ".join([e.key, e.operator, ",".join(e.values)]).rstrip() for e in self.expressions]
        return ", ".join(told) or "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class IpBlock:
    """A prefix, less those of the same family in ``exceptions``."""

    prefix: Prefix
    exceptions: tuple[Prefix, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPeer:
    """Whom a rule names: a block of addresses, or the pods that the selectors choose.

    Without a namespace selector the pods are of the policy's own namespace, without a pod selector they are all.
    """

    block: IpBlock | None = None
    namespaces: Selector | None = None
    pods: Selector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPort:
    """A port of the destination pod, by number up to ``end_port``, by name, or every one of the protocol."""

    protocol: str = "tcp"
    port: int | str | None = None
    end_port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRule:
    """What is let through: from or to any of the ``peers``, at any of the ``ports``; none written stands for all."""

    peers: tuple[PolicyPeer, ...] = ()
    ports: tuple[PolicyPort, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPolicy:
    """A policy: the pods of its namespace that it selects are isolated on its ``sides``, but for what it lets through.

    kubernetes.io/docs/concepts/services-networking/network-policies (read 2026-11).
    """

    namespace: str
    name: str
    selector: Selector = Selector()
    sides: tuple[Side, ...] = (Side.INGRESS,)
    ingress: tuple[PolicyRule, ...] = ()
    egress: tuple[PolicyRule, ...] = ()
    source: str = ""

    @property
    def id(self) -> str:
        """``networkpolicy/NAMESPACE/NAME``."""
        return f"networkpolicy/{self.namespace}/{self.name}"

    def rules(self, side: Side) -> tuple[PolicyRule, ...]:
        """The rules of one side."""
        return self.ingress if side is Side.INGRESS else self.egress
