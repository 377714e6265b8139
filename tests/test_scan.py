"""``from tiercel import scan``: the alerts of the command line as typed values."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.capture.stories import break_in
from tests.cli.command import tiercel
from tiercel import Alert, scan
from tiercel.capture.scenario import Scenario
from tiercel.errors import InputError

TUTORIAL = """
- rule: Suspicious shell activity
  desc: Detect execution of shell scripts from /tmp or write to sensitive directories.
  condition: >
    ((proc.name = "sh" or proc.name = "bash" or proc.name = "dash") and
      proc.args contains "/tmp/" and proc.args contains ".sh" and proc.args contains "-c")
    or ((proc.name = "curl" or proc.name = "wget") and
      proc.args contains "http" and proc.args contains "-o" and proc.args contains "/tmp/")
  output: "Suspicious shell activity detected: shell=%proc.name command=%proc.cmdline file=%proc.args"
  priority: CRITICAL
- rule: Capture all network activity from suspicious pods
  desc: Log all network connection attempts from pods that show unusual behavior.
  condition: container.id exists and (net.port in (80, 443) or net.protocol = "tcp")
  output: "Network activity: proto=%net.protocol proto_num=%net.protocol_num src_ip=%evt.remote_addr:%evt.remote_port \
dst_ip=%evt.local_addr:%evt.local_port image=%container.image.repository:%container.image.tag \
container=%container.name pod=%k8s.pod.name user=%user.name cmdline=%proc.cmdline"
  priority: INFO
  append: true
  enabled: true
"""
SHELL, NETWORK = "Suspicious shell activity", "Capture all network activity from suspicious pods"


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "break-in.scap"
    break_in().write(path)
    return path


@pytest.fixture
def tutorial(tmp_path: Path) -> Path:
    path = tmp_path / "tutorial.yaml"
    path.write_text(TUTORIAL)
    return path


def test_alerts_are_those_of_the_command_line(capture: Path) -> None:
    alerts = list(scan(capture))
    assert all(isinstance(alert, Alert) for alert in alerts)
    assert [alert.to_json() for alert in alerts] == tiercel("scan", capture, "--json").lines


def test_an_alert(capture: Path) -> None:
    _, alert, *_ = scan(capture, options=["json_include_tags_property=false"])
    assert (alert.rule, alert.priority, alert.source, alert.hostname) == (
        "Sensitive file read",
        "Warning",
        "syscall",
        "web-1",
    )
    assert (alert.time, alert.event) == (1_767_225_600_000_009_000, 10)
    assert alert.iso_time == "2026-01-01T00:00:00.000009000Z"
    assert "T1003" in alert.tags
    assert alert.output.endswith(alert.message)
    assert alert.output_fields["fd.name"] == "/etc/shadow"
    assert alert.output_fields["k8s.pod.name"] is None


def test_several_captures(capture: Path) -> None:
    assert len(list(scan([capture, str(capture)]))) == 8


def test_a_capture_after_another_is_judged_by_its_own_texts(tmp_path: Path) -> None:
    """Both number their strings from 0: a verdict about one capture's text says nothing about the other's."""
    paths = []
    for name in ("/etc/shadow", "/etc/hosts"):
        story = Scenario("elsewhere")
        story.process("/usr/bin/one").open(name)
        paths.append(tmp_path / f"{len(paths)}.scap")
        story.write(paths[-1])
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "- rule: R\n  desc: d\n  condition: evt.type = openat and fd.name = /etc/shadow\n"
        "  output: '%fd.name'\n  priority: INFO\n"
    )
    assert [alert.output_fields["fd.name"] for alert in scan(paths, rules)] == ["/etc/shadow"]
    assert [alert.output_fields["fd.name"] for alert in scan(paths[::-1], rules)] == ["/etc/shadow"]


def test_alerts_before_damage_come_first(tmp_path: Path) -> None:
    cut = tmp_path / "cut.scap"
    cut.write_bytes(break_in().to_bytes()[:-100])
    alerts = scan(cut)
    assert [next(alerts).rule for _ in range(4)] == [
        "Shell started by a server",
        "Sensitive file read",
        "Download into a temporary folder",
        "Setuid or setgid escalation",
    ]
    with pytest.raises(InputError, match="damaged at byte"):
        next(alerts)


def test_errors(capture: Path, tmp_path: Path, tutorial: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        next(scan(tmp_path / "none.scap"))
    with pytest.raises(InputError, match=r"none\.yaml: no such file"):
        next(scan(capture, tmp_path / "none.yaml"))
    with pytest.raises(InputError, match=r"tutorial\.yaml:11:9: error: there is no rule "):
        next(scan(capture, tutorial, strict=True))


def test_rules_as_tutorials_write_them(tmp_path: Path, tutorial: Path) -> None:
    """Neither names an event type: each is true for every event of such a process, as in Falco."""
    story = Scenario("node-1")
    api = story.container("api", image="registry.local/shop/api:2", pod=story.pod("api-1", "shop"))
    server = story.process("/app/api", container=api)
    host = story.process("/usr/sbin/cron")
    shell = server.spawn("/bin/bash", "-c", "/tmp/a.sh")
    shell.chdir("/tmp")
    shell.exit()
    connection = server.connect(("203.0.113.9", 443))
    server.close(connection)
    wget = host.spawn("/usr/bin/wget", "-o", "/tmp/log", "http://198.51.100.4/x")
    udp = wget.connect(("198.51.100.1", 53), protocol="udp")
    wget.close(udp)
    wget.connect(("198.51.100.4", 80))
    path = tmp_path / "tutorial.scap"
    story.write(path)

    alerts = list(scan(path, tutorial, every=True))
    shells = [alert for alert in alerts if alert.rule == SHELL]
    assert [alert.output_fields["proc.name"] for alert in shells] == ["bash"] * 3 + ["wget"] * 6
    assert shells[0].message.startswith(
        "Suspicious shell activity detected: shell=bash command=bash -c /tmp/a.sh file=-c /tmp/a.sh"
    )
    network = [alert for alert in alerts if alert.rule == NETWORK]
    assert [alert.output_fields["evt.remote_addr"] for alert in network] == ["203.0.113.9"] * 2 + ["198.51.100.4"]
    assert network[0].priority == "Informational"
    assert network[0].message.startswith(
        "Network activity: proto=tcp proto_num=6 src_ip=203.0.113.9:443 dst_ip=10.244.0.7:40001 "
        "image=registry.local/shop/api:2 container=api pod=api-1 user=root cmdline=api"
    )

    by_default = tiercel("scan", path, "-r", tutorial)
    assert by_default.code == 0
    for code in ("LOAD_NO_EVTTYPE", "LOAD_DEPRECATED_ITEM", "TIERCEL_APPEND_DEFINES", "TIERCEL_SURPRISE"):
        assert f"[{code}]" in by_default.stderr
    refused = tiercel("scan", path, "-r", tutorial, "--strict")
    assert (refused.code, refused.stdout) == (1, "")
    assert f"{tutorial}:11:9: error: there is no rule '{NETWORK}' to append to" in refused.stderr
