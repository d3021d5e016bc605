"""The engine against the kernel on drawn networks: the numbers that the project promises."""

from __future__ import annotations

from collections import Counter
from random import Random

import dsflow
from dsflow.dataplane.disposition import Disposition
from dsflow.lab.random_probes import random_probes
from dsflow.lab.verify import verify
from dsflow.net.address import Family
from tests.lab.hand import needs_lab
from tests.lab.sessions import random_sessions
from tests.networks import random_network

NETWORKS = 50
PROBES_OF_EACH_FAMILY = 10
SESSIONS_OF_EACH_FAMILY = 4

REACHABLE = {
    Disposition.DELIVERED,
    Disposition.NO_ROUTE,
    Disposition.BLACKHOLED,
    Disposition.PROHIBITED,
    Disposition.UNREACHABLE_ROUTE,
    Disposition.SCOPE_UNROUTABLE,
    Disposition.FAMILY_UNAVAILABLE,
    Disposition.DENIED_EGRESS,
    Disposition.DENIED_INGRESS,
    Disposition.DENIED_FORWARD,
    Disposition.SOURCE_CHECK_FAILED,
    Disposition.NOT_FORWARDING,
    Disposition.TOO_BIG,
    Disposition.HOP_LIMIT_EXCEEDED,
    Disposition.NO_LISTENER,
    Disposition.NEIGHBOR_UNREACHABLE,
    Disposition.MALFORMED,
    Disposition.NAT_EXHAUSTED,
}
"""What can become of a packet among generic devices.  A loop ends by its hop limit."""


@needs_lab
def test_drawn_probes_over_drawn_networks_agree_and_end_in_every_way() -> None:
    """Fixed seeds: 500 probes of each family over 50 networks, then sessions of up to three, no disagreement."""
    reached: Counter[str] = Counter()
    compared, sent, asked, differing = 0, 0, 0, []
    for seed in range(NETWORKS):
        simulation = dsflow.load(random_network(Random(seed)))
        probes = [
            probe
            for family in Family
            for probe in random_probes(simulation.topology, PROBES_OF_EACH_FAMILY, seed=seed, family=family)
        ]
        asked += len(probes)
        probes += [
            probe
            for family in Family
            for probe in random_sessions(simulation.topology, SESSIONS_OF_EACH_FAMILY, seed=2000 + seed, family=family)
        ]
        report = verify(simulation, probes)
        reached.update(report.dispositions)
        compared += report.hops_compared
        sent += len(report.outcomes)
        differing += [f"network {seed}\n{report}"] if report.disagreements else []
    assert not differing, "\n\n".join(differing)
    assert asked == 2 * NETWORKS * PROBES_OF_EACH_FAMILY
    assert sent > asked + 4 * NETWORKS * SESSIONS_OF_EACH_FAMILY
    assert compared > 4 * sent
    assert set(reached) == {str(disposition) for disposition in REACHABLE}
