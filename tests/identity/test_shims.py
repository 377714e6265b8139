"""The folder of a containerd, from the working directory of a shim."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tiercel.identity.shims import TASKS, state_of

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="takes root: folders of others do not count")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "state" / TASKS / "k8s.io" / "ab"
    folder.mkdir(parents=True, mode=0o755)
    for path in (tmp_path / "state", tmp_path / "state" / TASKS):
        path.chmod(0o711)
    return folder


@pytest.fixture
def child(bundle: Path) -> Iterator[int]:
    """The process id of a grandchild of something that runs in the bundle, as a shim does."""
    inner = "import os; print(os.getpid(), flush=True); input()"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}], cwd='/')"
    command, pipe = [sys.executable, "-c", outer], subprocess.PIPE
    with subprocess.Popen(command, cwd=bundle, stdin=pipe, stdout=pipe) as shim:
        assert shim.stdout is not None
        assert shim.stdin is not None
        yield int(shim.stdout.readline())
        shim.stdin.close()


def test_an_ancestor_leads_there(child: int, tmp_path: Path) -> None:
    assert state_of(child) == str(tmp_path / "state")


def test_a_folder_that_others_may_write_to_does_not_count(child: int, tmp_path: Path) -> None:
    (tmp_path / "state").chmod(0o777)
    assert state_of(child) == ""
    (tmp_path / "state").chmod(0o755)
    os.chown(tmp_path / "state" / TASKS, 1000, 0)
    assert state_of(child) == ""


def test_most_processes_lead_nowhere() -> None:
    assert state_of(os.getpid()) == ""
    assert state_of(0) == ""
    assert state_of(1 << 30) == ""
