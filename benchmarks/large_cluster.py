"""A cluster of 1,000 nodes with 100 pods each, from its scenario file, and one trace through it.

    python benchmarks/large_cluster.py [--nodes N] [--pods N] [--services N]

The file is written first, by ``generate.py``, outside the measurement.  Then a process of its own reads
it, builds the model and asks one question; its wall time (interpreter and imports included) and its peak
memory are the result.  The exit code is 1 when either is above its gate.  With Services the profile is
as-built, the question goes to one of them, and the gates are half as high again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve()


class Gates(NamedTuple):
    """The most that a run may take."""

    wall_s: float
    memory_mib: float


GATES, GATES_WITH_SERVICES = Gates(90, 2048), Gates(135, 3072)


class Result(NamedTuple):
    """What one run took, as its parent saw it, and the seconds of each phase as it told them."""

    wall_s: float
    peak_mib: float
    phases_s: dict[str, float]
    disposition: str
    hops: int

    def holds(self, gates: Gates) -> bool:
        """Whether both gates are kept."""
        return self.wall_s < gates.wall_s and self.peak_mib < gates.memory_mib


def write_scenario(path: Path, nodes: int, pods: int, services: int = 0) -> None:
    """Write the generated scenario to a file."""
    sizes = f"--nodes={nodes}", f"--pods={pods}", f"--services={services}"
    command = [sys.executable, str(HERE.with_name("generate.py")), *sizes]
    with path.open("wb") as file:
        subprocess.run(command, stdout=file, check=True)


def measure(path: Path) -> Result:
    """Run the measured process on a scenario file."""
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, str(HERE), "--run", str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(process.returncode)
    return Result(wall_s, usage.ru_maxrss / 1024, **json.loads(told))


def run(path: Path) -> dict[str, object]:
    """What the measured process does: read, build, compile what one question needs, and answer it."""
    phases_s: dict[str, float] = {}

    @contextmanager
    def phase(name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        phases_s[name] = round(time.perf_counter() - start, 2)

    with phase("import"):
        from dsflow import scenario
        from dsflow.simulation import Simulation
    with phase("read"):
        document = scenario.read(path)
    with phase("build"):
        sim = Simulation(document)
    with phase("trace"):
        pods = list(sim.topology.pods.values())
        served = [service.id for service in sim.topology.services.values() if service.cluster_ipv6 is not None]
        chain = sim.trace(pods[0].id, (served or [pods[-1].id])[-1], family=6, tcp=80)
        text = json.dumps(chain.to_json())
    assert chain.round_trip == "delivered", text
    return {"phases_s": phases_s, "disposition": chain.disposition, "hops": len(chain.forward.hops)}


def table(result: Result, gates: Gates) -> str:
    """The result as aligned text."""
    lines = [f"{name:<10}{seconds:>8.2f} s" for name, seconds in result.phases_s.items()]
    lines.append(f"{'in all':<10}{result.wall_s:>8.2f} s    gate {gates.wall_s:.0f} s")
    lines.append(f"{'memory':<10}{result.peak_mib:>8.0f} MiB  gate {gates.memory_mib:.0f} MiB")
    lines.append(f"{result.disposition}, {result.hops} hops" + ("" if result.holds(gates) else "; a gate is missed"))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what the cluster took; 1 when a gate is missed."""
    parser = argparse.ArgumentParser(description="a big cluster from its scenario file, and one trace through it")
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--pods", type=int, default=100, help="on each node")
    parser.add_argument("--services", type=int, default=0, help="in all, as OKE builds them")
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.run is not None:
        print(json.dumps(run(options.run)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cluster.yaml"
        write_scenario(path, options.nodes, options.pods, options.services)
        services = f", {options.services} Services" if options.services else ""
        size_mib = path.stat().st_size / 2**20
        print(f"{options.nodes} nodes with {options.pods} pods each{services}, {size_mib:.1f} MiB of YAML")
        result = measure(path)
    gates = GATES_WITH_SERVICES if options.services else GATES
    print(table(result, gates))
    return 0 if result.holds(gates) else 1


if __name__ == "__main__":
    raise SystemExit(main())
