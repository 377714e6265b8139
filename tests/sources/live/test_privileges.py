"""Which capabilities watching takes, tried on the running kernel."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Iterator

import pytest

from tests.sources.live.host import watchable
from tiercel.sources.live.privileges import PROBE, PROCESSES

_LOOK = """
import json, sys
from tiercel.sources.live.probe import Probe
from tiercel.sources.live.procfs import read_descriptors, read_threads
pid = int(sys.argv[1])
probe = Probe(frozenset())
probe.attach()
seen = {"listed": pid in {task.pid for task in probe.tasks()}}
probe.close()
thread = next(thread for thread in read_threads() if thread.tid == pid)
seen |= {"exepath": bool(thread.exepath), "env": bool(thread.env), "descriptors": bool(list(read_descriptors([pid])))}
print(json.dumps(seen))
"""


@pytest.fixture
def stranger() -> Iterator[int]:
    """A process of another user."""
    process = subprocess.Popen(["sleep", "60"], user=65534, env={"COLOUR": "red"}, stdin=subprocess.DEVNULL)
    yield process.pid
    process.kill()
    process.wait()


def look(pid: int, capabilities: Collection[str], user: int) -> subprocess.CompletedProcess[str]:
    """Load the probe and look at a process as a user with these capabilities and no others."""
    as_user = ["setpriv", f"--reuid={user}", "--clear-groups", sys.executable, "-c", "import tiercel"]
    if subprocess.run(as_user, capture_output=True, check=False).returncode:
        pytest.skip(f"user {user} may not read where tiercel is installed")
    words = ",".join(["-all", *(f"+{name.removeprefix('CAP_').lower()}" for name in capabilities)])
    command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", f"--bounding-set={words}",
               f"--inh-caps={words}", f"--ambient-caps={words}"]  # fmt: skip
    return subprocess.run(
        [*command, sys.executable, "-c", _LOOK, str(pid)], capture_output=True, text=True, check=False
    )


@watchable
@pytest.mark.parametrize("user", [0, 4242])
def test_two_load_the_probe_and_list_threads(stranger: int, user: int) -> None:
    done = look(stranger, PROBE, user)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"listed": True, "exepath": False, "env": False, "descriptors": False}


@watchable
@pytest.mark.parametrize("user", [0, 4242])
def test_two_more_read_the_processes_of_others(stranger: int, user: int) -> None:
    done = look(stranger, (*PROBE, *PROCESSES), user)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout).values()) == {True}


@watchable
@pytest.mark.parametrize("left_out", PROBE)
def test_without_one_of_them_it_names_it(stranger: int, left_out: str) -> None:
    done = look(stranger, {*PROBE, *PROCESSES} - {left_out}, 0)
    assert f"{left_out} is missing" in done.stderr
