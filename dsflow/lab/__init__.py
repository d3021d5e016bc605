"""The lab: a scenario's packets through the Linux kernel itself, in network namespaces, compared hop by hop.

``plan`` says which commands build the network, without running them; ``verify`` runs them, sends probes, and
holds what every interface saw against the simulation.
"""

from __future__ import annotations

from dsflow.lab.plan import Plan, make_plan
from dsflow.lab.probe import Probe, read_probes, scenario_probes
from dsflow.lab.random_probes import random_probes
from dsflow.lab.report import Outcome, Report
from dsflow.lab.verify import verify

__all__ = [
    "Outcome",
    "Plan",
    "Probe",
    "Report",
    "make_plan",
    "random_probes",
    "read_probes",
    "scenario_probes",
    "verify",
]
