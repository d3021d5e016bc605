"""What is built is what runs: wheel and sdist carry the scenarios and the latency profile."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ASK = (
    "import dsflow; sim = dsflow.load('two-pods'); "
    "chain = sim.trace('pod/default/client', 'pod/default/server', family=6, tcp=80); "
    "print(dsflow.__file__, chain.disposition, chain.latency.one_way.p50.value > 0)"
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def test_sdist_has_what_tests_need(built: Path) -> None:
    """The source archive holds scenarios, tests and notebooks."""
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"scenarios/oke-sydney.yaml", "dsflow/py.typed", "tests/test_packaging.py", "README.md"} <= names


def test_wheel_runs_by_itself(built: Path, tmp_path: Path) -> None:
    """Embedded names work from an unpacked wheel, away from the checkout."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path)
    assert (tmp_path / "dsflow" / "scenarios" / "two-pods.yaml").is_file()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", ASK], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    where, disposition, timed = result.stdout.split()
    assert Path(where).is_relative_to(tmp_path)
    assert (disposition, timed) == ("delivered", "True")
