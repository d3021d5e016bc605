"""A scenario ready to be asked: compiled once, then traced, estimated, changed and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dsflow import scenario
from dsflow.dataplane.compile import Dataplane, compile_topology
from dsflow.ends import End, Ends
from dsflow.engine.choosing import Replay
from dsflow.engine.conntrack import Memories
from dsflow.engine.program import Network
from dsflow.errors import UsageError
from dsflow.model.question import Flow
from dsflow.model.topology import Topology
from dsflow.model.vcn import NatGateway
from dsflow.session import Session
from dsflow.trace.chain import Context, PathType
from dsflow.trace.presented import PresentedChain
from dsflow.trace.timing import Passage

if TYPE_CHECKING:
    from fractions import Fraction

    import networkx as nx

    from dsflow.latency.profile import Profile

__all__ = ["Branch", "Simulation", "load"]


class Branch(NamedTuple):
    """One of the answers that a question can have, and how likely it is."""

    probability: Fraction
    chain: PresentedChain


def load(source: str | Path | Mapping[str, Any], *, seed: int = 0) -> Simulation:
    """The simulation of a scenario: an embedded name, a path, or the scenario's data as a dict.

    Raises
    ------
    ScenarioError
        With every problem of the scenario at once.
    UsageError
        For a name that is neither embedded nor a file.
    HostError
        For a file that cannot be read.

    >>> load("two-pods").trace("pod/default/client", "pod/default/server", family=6, tcp=80)
    <Chain pod/default/client -> pod/default/server ipv6 delivered>
    """
    return Simulation(scenario.read(source), seed=seed)


class Simulation:
    """One scenario, compiled.  Questions do not change it: each starts with fresh sessions.

    ``seed`` fixes everything random: choices of ports and back ends, and the draws of latency.
    """

    def __init__(self, document: scenario.Document, *, seed: int = 0, dataplane: Dataplane | None = None) -> None:
        if seed < 0:
            raise UsageError(f"seed {seed}: expected a whole number, not negative")
        self.document = document
        self.topology: Topology = scenario.build(document)
        self.seed = seed
        self.dataplane = compile_topology(self.topology) if dataplane is None else dataplane
        self.network = Network(self.dataplane, seed)
        self.ends = Ends(self.topology)
        self._contexts: dict[str | None, Context] = {}

    @property
    def name(self) -> str:
        """The scenario's name."""
        return self.topology.name

    @cached_property
    def profile(self) -> Profile:
        """The latency profile: estimates, not measured in OCI."""
        from dsflow.latency.profile import load_profile

        return load_profile()

    @cached_property
    def graph(self) -> nx.MultiDiGraph[str]:
        """Devices and links as a networkx graph: nodes are device ids, edges are keyed by out-interface."""
        from dsflow.graph import build_graph

        return build_graph(self.dataplane)

    def with_dataplane(self, dataplane: Dataplane) -> Simulation:
        """The same scenario on other tables, for tests that plant a fault."""
        return Simulation(self.document, seed=self.seed, dataplane=dataplane)

    def what_if(self, changes: Mapping[str, Any]) -> Simulation:
        """A new simulation with changes by dotted path; this one stays as it is.

        >>> other = load("two-pods").what_if({"pods.default/server.listen": ["tcp/8080"]})
        >>> other.trace("pod/default/client", "pod/default/server", family=4, tcp=80).disposition
        <Disposition.NO_LISTENER: 'no-listener'>
        """
        return Simulation(scenario.with_changes(self.document, changes), seed=self.seed)

    def session(self) -> Session:
        """A run of questions that share connection tracking, NAT ports and learned path MTUs; usable in ``with``."""
        return Session(self.network, self.ends, self.context)

    def trace(self, origin: str, target: str, *, family: int, **options: Any) -> PresentedChain:
        """The answer to one question; see :meth:`Session.trace` for the options."""
        return Session(self.network, self.ends, self.context).trace(origin, target, family=family, **options)

    def branches(
        self, origin: str, target: str, *, family: int, most: int = 4096, **options: Any
    ) -> tuple[Branch, ...]:
        """The answers by every back end and end point that could be chosen on the way, with their probabilities.

        Each choice is uniform, so the probability of a branch is the product of its choices'; they sum to one.

        Raises
        ------
        UsageError
            For more than ``most`` branches.

        >>> branches = load("oke-sydney-as-built").branches("internet/client", "service/default/nginx", family=6)
        >>> len(branches), sum(branch.probability for branch in branches)
        (9, Fraction(1, 1))
        """
        from fractions import Fraction

        found: list[Branch] = []
        laid_down: tuple[int, ...] | None = ()
        while laid_down is not None:
            if len(found) == most:
                raise UsageError(f"more than {most} branches: ask for a port or an end with fewer back ends behind it")
            replay = Replay(laid_down)
            session = Session(self.network, self.ends, self.context, Memories(replay))
            chain = session.trace(origin, target, family=family, **options)
            found.append(Branch(Fraction(1, prod(ways for _, ways in replay.taken)), chain))
            laid_down = replay.following()
        return tuple(found)

    def send(self, device: str, packet: Any, *, interface: str | None = None) -> PresentedChain:
        """What becomes of any packet sent by a device; see :meth:`Session.send`."""
        return self.session().send(device, packet, interface=interface)

    def ask(self, flow: Flow) -> PresentedChain:
        """The answer to a flow of the scenario."""
        return self.session().ask(flow)

    def end(self, text: str) -> End:
        """The end of a question that ``text`` names."""
        return self.ends.target(text)

    def path_type(self, origin: str, target: str) -> PathType | None:
        """The kind of path between two ends."""
        return self.ends.path_type(self.ends.origin(origin), self.ends.target(target))

    def context(self, vcn: str | None) -> Context:
        """What the chains that start in a VCN, or outside with None, have in common."""
        context = self._contexts.get(vcn)
        if context is None:
            context = self._contexts[vcn] = self._make_context(vcn)
        return context

    def _make_context(self, vcn: str | None) -> Context:
        gateways = [gateway for gateway in self.topology.gateways.values() if isinstance(gateway, NatGateway)]
        devices = tuple(self.dataplane[gateway.id] for gateway in gateways if gateway.vcn == vcn)
        return Context(self.name, str(self.topology.profile), self.seed, devices, self._estimate)

    def _estimate(self, passages: Sequence[Passage]) -> Any:
        from dsflow.latency.path import estimate_passages

        return estimate_passages(passages, self.profile, self.seed)

    def __repr__(self) -> str:
        return f"<Simulation {self.name}: {len(self.dataplane)} devices>"
