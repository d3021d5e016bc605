"""The command as the shell runs it: signals, pipes, encodings, no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

COMMAND = [sys.executable, "-m", "dsflow"]


def test_a_user_s_mistake_is_exit_2_without_a_traceback() -> None:
    result = subprocess.run([*COMMAND, "check", "nope"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith('"nope": neither an embedded scenario nor a file')
    assert "Traceback" not in result.stderr


def test_ctrl_c_is_exit_130_without_a_word_and_leaves_nothing(tmp_path: Path) -> None:
    """The scenario never comes: the command waits for it with its temporary folder already made."""
    process = subprocess.Popen(
        [*COMMAND, "run", "-", "--out", str(tmp_path / "out")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.iterdir()):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out, err) == (130, b"", b"")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        result = subprocess.run(
            [*COMMAND, "get", "pods", "oke-sydney"], stdout=writing, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(writing)
    assert (result.returncode, result.stderr) == (141, b"")


def test_an_output_without_greek_letters_still_gets_its_answer() -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    result = subprocess.run([*COMMAND, "run", "two-pods"], capture_output=True, text=True, check=False, env=environment)
    assert (result.returncode, result.stderr) == (0, "")
    assert " ?s [" in result.stdout


def test_names_hash_differently_and_the_answer_is_the_same() -> None:
    answers = {
        subprocess.run(
            [*COMMAND, "diff", "oke-sydney", "two-pods"],
            capture_output=True,
            check=False,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(answers) == 1
