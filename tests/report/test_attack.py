"""Techniques of ATT&CK in acts and alerts."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.reconstruct.scenes import Stage, intrusion, web_container
from tests.reference import SHARED, needs_reference
from tiercel.reconstruct.scene import Scene
from tiercel.replay import Replay
from tiercel.report.attack import tagged_tactics, tagged_techniques, techniques
from tiercel.report.attack_acts import Acts
from tiercel.report.attack_table import TACTICS, TECHNIQUES


def act(kind: str, object: str | None = None, **cells: Any) -> dict[str, Any]:
    known = {"act": 0, "kind": kind, "object": object, "target": None, "detail": None, "name": "evil", "ok": True}
    return known | {"container": "", "process": 1} | cells


def shown(*acts: dict[str, Any]) -> list[str]:
    return list(Acts(acts).of(acts[-1]))


@pytest.mark.parametrize(
    ("done", "technique"),
    [
        (act("create", "/etc/cron.d/x"), "T1053.003"),
        (act("rename", "/tmp/x", target="/var/spool/cron/crontabs/root"), "T1053.003"),
        (act("write", "/etc/systemd/system/evil.service"), "T1543.002"),
        (act("write", "/home/a/.config/systemd/user/evil.timer"), "T1053.006"),
        (act("open_write", "/root/.ssh/authorized_keys"), "T1098.004"),
        (act("write", "/home/a/.bashrc"), "T1546.004"),
        (act("create", "/etc/ld.so.preload"), "T1574.006"),
        (act("write", "/etc/passwd"), "T1136.001"),
        (act("write", "/etc/sudoers.d/a"), "T1548.003"),
        (act("create", "/var/www/html/up/shell.php"), "T1505.003"),
        (act("create", "/dev/shm/.x"), "T1564.001"),
        (act("create", "/tmp/a", name="curl"), "T1105"),
        (act("open_read", "/etc/shadow"), "T1003.008"),
        (act("read", "/home/a/.ssh/id_ed25519"), "T1552.004"),
        (act("open_read", "/home/a/.aws/credentials"), "T1552.001"),
        (act("chmod", "/tmp/.b", detail="u+s 04755"), "T1548.001"),
        (act("chmod", "/tmp/a", detail="+x 0755"), "T1222.002"),
        (act("delete", "/root/.bash_history"), "T1070.003"),
        (act("delete", "/var/log/auth.log"), "T1070.002"),
        (act("exec", "/usr/sbin/runc", detail="runc --root /run/runc exec -t 3f4e bash"), "T1609"),
        (act("exec", "/usr/bin/kubectl", detail="/usr/bin/kubectl exec -it pod -- sh"), "T1609"),
        (act("exec", "/usr/bin/crontab", detail="crontab /tmp/c"), "T1053.003"),
        (act("exec", "memfd:x", detail="x"), "T1620"),
        (act("exec", "/usr/bin/base64", detail="base64 -d x"), "T1140"),
        (act("redirect", "a->b", detail="stdin", name="bash"), "T1059.004"),
        (act("module", "evil.ko", detail="finit_module"), "T1547.006"),
        (act("ptrace", "pid 7", detail="PTRACE_ATTACH"), "T1055.008"),
        (act("namespace", "/proc/1/ns/mnt", detail="setns: CLONE_NEWNS", container="3f4e"), "T1611"),
    ],
)
def test_acts_that_show_a_technique(done: dict[str, Any], technique: str) -> None:
    assert technique in shown(done)
    assert technique in TECHNIQUES
    assert shown(done | {"ok": False}) == []


@pytest.mark.parametrize(
    "done",
    [
        act("open_read", "/etc/passwd"), act("create", "/tmp/a"), act("delete", "/tmp/a"),
        act("write", "/var/log/syslog"), act("exec", "/bin/sh", detail="sh"),
        act("read", "/home/a/.ssh/id_rsa.pub"), act("create", "/dev/null", name="curl"),
        act("open_read", "/root/.bash_history", name="bash"), act("exec", "/usr/bin/crontab", detail="crontab -l"),
        act("chmod", "/opt/a", detail="+x 0755"), act("namespace", None, detail="unshare"), act("fork", None),
        act("exec", None, detail=None), act("rename", None), act("exec", "/usr/sbin/runc", detail="runc init"),
    ],
)  # fmt: skip
def test_usual_acts_show_none(done: dict[str, Any]) -> None:
    assert shown(done) == []


def test_a_file_deleted_after_it_was_run() -> None:
    ran = act("exec", "/usr/bin/bash", detail="evil.sh /tmp/evil.sh")
    assert shown(ran, act("delete", "/tmp/evil.sh")) == ["T1070.004"]
    assert shown(act("exec", "/tmp/.b", detail=".b"), act("delete", "/tmp/.b")) == ["T1070.004"]
    assert shown(act("exec", "/opt/x", detail="x"), act("delete", "/opt/x")) == ["T1070.004"]
    assert shown(act("exec", "/home/a/x", detail="x"), act("delete", "/home/a/x", process=2)) == []
    assert shown(act("exec", "/bin/tar", detail="tar czf /tmp/a.tgz /etc"), act("delete", "/tmp/a.tgz")) == []


def test_tags() -> None:
    tags = ["T1059", "container", "mitre_execution", "T1059", "T9999", "TA0003", "PCI_DSS_11.5.1"]
    assert [known.id for known in tagged_techniques(tags)] == ["T1059", "T9999"]
    assert tagged_techniques(tags)[1].name == "T9999"
    assert [tactic.name for tactic in tagged_tactics(tags)] == ["Execution", "Persistence"]
    assert tagged_techniques(None) == []


def test_the_table_is_consistent() -> None:
    for identity, known in TECHNIQUES.items():
        assert known.tactics
        assert known.parent is None or known.parent in TECHNIQUES
        assert known.url.endswith(identity.replace(".", "/"))
    assert TECHNIQUES["T1053.003"].name == "Scheduled Task/Job: Cron"
    assert len({tactic.tag for tactic in TACTICS}) == 14


def test_an_act_and_the_alert_about_it_count_once() -> None:
    stage = Stage()
    init, _ = web_container(stage)
    rows = intrusion(stage, init)
    cron = next(done["act"] for done in stage.acts if done["object"] == "/etc/cron.d/x")
    stage.alert("Cron", cron, "Notice", "T1053.003", "mitre_persistence")
    stage.alert("Cron in a log", None, "Notice", "T1053.003")
    scene = stage.scene()
    shown = techniques(scene.alerts.to_pylist(), scene.acts.to_pylist())
    [found] = [one for one in shown if one.id == "T1053.003"]
    assert found.count == 3  # created, written, and the alert that no act is known of
    assert (found.name, found.tactic) == ("Scheduled Task/Job: Cron", "Persistence")
    assert found.because[0] == "rule Cron"
    assert rows["evil"]


def test_hostile_command_lines_take_no_time() -> None:
    begun = time.process_time()
    for word in ("systemctl stop ", "iptables ", "auditctl -", "base64 ", "docker run ", "nsenter -t ", "a" * 5000):
        shown(act("exec", "/x", detail=word * 20_000))
        shown(act("create", "/tmp/" + word * 20_000))
    assert time.process_time() - begun < 5


@needs_reference
def test_techniques_of_a_recorded_attack_and_of_none() -> None:
    def of(name: str) -> set[str]:
        scene = Scene.of(Replay(SHARED / f"captures/modern/{name}/{name}.scap"))
        return {one.id for one in techniques([], scene.acts.to_pylist())}

    assert of("a-seed-webshell") == {
        "T1003.008", "T1053.003", "T1059", "T1070.004", "T1105", "T1222.002", "T1548.001", "T1564.001", "T1609",
    }  # fmt: skip
    assert of("c-benign") == set()
