"""What happens in a container is seen as those in it see it: paths, ids, terminals, layers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containerd.host import Pod, with_containerd
from tests.containerd.image import WEB
from tests.containerd.watching import Watching
from tests.sources.live.host import watchable

RULES = """
- macro: here
  condition: (evt.res = SUCCESS and container.id != host and thread.cgroups contains POD)
- rule: Executed
  desc: every program started in the pod
  condition: evt.type in (execve, execveat) and here
  output: >-
    %proc.name %proc.cmdline %proc.exepath %proc.cwd %proc.tty %proc.pid %proc.vpid %proc.pname %proc.aname[2]
    %proc.is_exe_upper_layer %proc.is_exe_lower_layer %container.start_ts %container.duration %proc.is_sid_leader
  priority: NOTICE
- rule: Opened
  desc: every file opened in the pod
  condition: evt.type in (open, openat, openat2) and here
  output: "%proc.name %fd.name %fd.nameraw %fd.is_upper_layer %fd.is_lower_layer %fs.path.name"
  priority: NOTICE
"""


def watch(pod: Pod, folder: Path) -> Watching:
    """Watch with the rules above, for this pod only."""
    (folder / "rules.yaml").write_text(RULES.replace("POD", pod.uid))
    return Watching("-r", str(folder / "rules.yaml"))


@pytest.fixture
def watching(pod: Pod, tmp_path: Path) -> Iterator[Watching]:
    with watch(pod, tmp_path) as watching:
        yield watching


@watchable
@with_containerd
def test_a_container_that_starts(watching: Watching, pod: Pod) -> None:
    began = time.time_ns()
    web = pod.run("web", WEB)
    first = watching.wait_for(web.id, "Executed", {"proc.vpid": 1})
    assert first["proc.exepath"].startswith("/usr/bin/python3")
    assert first["proc.cmdline"] == "python3 -I -S -B -m http.server 80 --directory /srv"
    assert first["proc.pid"] == web.pid
    assert first["proc.pname"] == "containerd-shim"
    assert first["proc.tty"] == 0
    assert began < first["container.start_ts"] < time.time_ns()
    assert first["container.duration"] < 30e9


@watchable
@with_containerd
def test_programs_of_a_terminal(watching: Watching, pod: Pod) -> None:
    web = pod.run("web", WEB)
    with web.terminal("bash") as shell:
        shell.ask("cd /srv; cp /bin/dash dropped; ./dropped -c true")
    bash, copy, dropped = (
        watching.wait_for(web.id, "Executed", {"proc.name": name}) for name in ("bash", "cp", "dropped")
    )
    assert bash["proc.tty"] == dropped["proc.tty"] != 0
    assert bash["proc.is_sid_leader"]
    assert (copy["proc.exepath"], copy["proc.pname"]) == ("/bin/busybox", "bash")
    assert (copy["proc.is_exe_lower_layer"], copy["proc.is_exe_upper_layer"]) == (True, False)
    assert (dropped["proc.exepath"], dropped["proc.cwd"]) == ("/srv/dropped", "/srv/")
    assert (dropped["proc.is_exe_lower_layer"], dropped["proc.is_exe_upper_layer"]) == (False, True)
    made = watching.wait_for(web.id, "Opened", {"fd.nameraw": "dropped"})
    assert (made["fd.name"], made["fd.is_upper_layer"], made["proc.name"]) == ("/srv/dropped", True, "cp")


@watchable
@with_containerd
def test_a_container_that_was_there_before(pod: Pod, tmp_path: Path) -> None:
    web = pod.run("web", WEB)
    started = time.time_ns()
    with watch(pod, tmp_path) as watching:
        assert web.exec("sh", "-c", "exec cat /srv/index.html").code == 0
        cat = watching.wait_for(web.id, "Executed", {"proc.name": "cat"})
        opened = watching.wait_for(web.id, "Opened", {"proc.name": "cat", "fd.name": "/srv/index.html"})
    assert (cat["proc.tty"], cat["proc.cmdline"]) == (0, "cat /srv/index.html")
    assert 0 < cat["container.start_ts"] < started
    assert (opened["fd.is_lower_layer"], opened["fd.is_upper_layer"]) == (True, False)
    assert opened["fs.path.name"] == "/srv/index.html"
