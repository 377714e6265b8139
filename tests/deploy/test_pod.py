"""A container with no more than what the chart gives it watches the host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.containerd.host import Containerd, with_containerd
from tests.containerd.image import WEB
from tests.deploy.chart import Rendered, needs_helm, render
from tests.deploy.lines import line_with
from tests.deploy.pod import running, why_not
from tests.sources.live.host import watchable

pytestmark = [
    needs_helm,
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=f"no container can be run here: {why_not()}"),
]

RULE = """\
- rule: looked at
  desc: a file of the test is opened
  condition: evt.type in (open, openat) and fd.name = {path}
  output: it was opened (pid=%proc.pid command=%proc.cmdline parent=%proc.pcmdline env=%proc.env file=%fd.name)
  priority: WARNING
"""


@pytest.fixture
def looked_at() -> Iterator[Path]:
    """A file that every user may read."""
    with TemporaryDirectory(prefix="tiercel-test-") as folder:
        os.chmod(folder, 0o755)
        path = Path(folder) / "looked-at"
        path.write_text("x\n")
        yield path


@pytest.fixture
def reader(looked_at: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of another user that runs before the watch; told to, it opens the file."""
    script = f"while read _; do read _ < {looked_at}; done"
    process = subprocess.Popen(["/bin/bash", "-c", script], stdin=subprocess.PIPE, user=65534, env={"COLOUR": "red"})
    yield process
    process.kill()
    process.wait()


@watchable
def test_it_watches_the_host_with_the_privileges_of_the_chart(
    tmp_path: Path, looked_at: Path, reader: subprocess.Popen[bytes]
) -> None:
    def chart(rules: str) -> Rendered:
        return render(
            state={"hostPath": str(tmp_path / "state")},
            rules={"shipped": False, "custom": {"mine.yaml": rules}},
            containerRuntimes={name: {"enabled": False} for name in ("containerd", "crio")},
            output={"http": {"enabled": True, "url": "http://127.0.0.1:1/"}},
        )

    rules = RULE.format(path=looked_at)
    rendered = chart(rules)
    with running(tmp_path, rendered) as pod:
        line_with(pod.err, "tiercel: watching worker-1")
        health = (
            "import time, urllib.request as r\n"
            "for _ in range(50):\n"
            "    try: print(r.urlopen('http://127.0.0.1:8765/healthz').status); break\n"
            "    except OSError: time.sleep(0.1)\n"
        )
        assert pod.exec(sys.executable, "-c", health).stdout == "200\n"

        look(reader)
        alert = json.loads(line_with(pod.out, "looked at"))
        assert alert["hostname"] == "worker-1"
        fields = alert["output_fields"]
        assert fields["proc.pid"] == reader.pid  # as the host counts
        assert fields["proc.cmdline"].startswith("bash -c while read")
        assert "COLOUR=red" in fields["proc.env"]
        assert (tmp_path / "state/outputs/lock").exists()

        pod.update(chart(rules.replace("looked at", "seen again")))
        assert line_with(pod.err, "rules reloaded")
        look(reader)
        assert line_with(pod.out, "seen again")

        told = pod.exec(sys.executable, "-m", "tiercel", "doctor", "--json", "-c", "/etc/tiercel/tiercel.yaml")
        assert told.returncode == 0, told.stdout + told.stderr
        failed = [check for check in json.loads(told.stdout)["checks"] if check["verdict"] == "fail"]
        assert failed == []


@watchable
@with_containerd
def test_it_tells_the_pods_of_its_node(tmp_path: Path) -> None:
    rule = RULE.format(path="/etc/hostname").replace("fd.name = ", "container.name = web and fd.name = ")
    with Containerd.start() as host:
        rendered = render(
            state={"hostPath": str(tmp_path / "state")},
            rules={"shipped": False, "custom": {"mine.yaml": rule}},
            containerRuntimes={
                "containerd": {"enabled": False}, "crio": {"enabled": False},
                "own": {"enabled": True, "paths": [str(host.socket.parent)]},
            },
            config={"container_engines": {"cri": {"sockets": [str(host.socket)]}}},
        )  # fmt: skip
        web = host.pod("shop-7d9f", namespace="store").run("web", WEB)
        with running(tmp_path, rendered) as pod:
            line_with(pod.err, "tiercel: watching worker-1")
            web.exec("cat", "/etc/hostname")
            fields = json.loads(line_with(pod.out, "looked at"))["output_fields"]
            assert fields["container.id"] == web.id[:12]
            assert (fields["k8s.ns.name"], fields["k8s.pod.name"]) == ("store", "shop-7d9f")
            assert fields["container.image.repository"] in WEB.name
            doctor = pod.exec(sys.executable, "-m", "tiercel", "doctor", "-c", "/etc/tiercel/tiercel.yaml")
            assert f"/host{host.socket} answers" in doctor.stdout


def look(reader: subprocess.Popen[bytes]) -> None:
    """Have the reader open the file."""
    assert reader.stdin is not None
    reader.stdin.write(b"now\n")
    reader.stdin.flush()
