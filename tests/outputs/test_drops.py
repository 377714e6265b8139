"""What is done about dropped events in a replay."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import tiercel
from tiercel import Alert, scan
from tiercel.capture.scenario import Scenario
from tiercel.config import ConfigError, load_config
from tiercel.errors import InputError
from tiercel.outputs.drops import DropAction, DropSettings, TokenBucket

SECOND = 1_000_000_000
SIMULATE = "syscall_event_drops.simulate_drops=true"

RULE = """
- rule: Moved
  desc: d
  condition: evt.type = chdir
  output: to %evt.arg.path
  priority: INFO
"""


def acting(*actions: str, burst: int = 10) -> list[str]:
    return [
        SIMULATE,
        f"syscall_event_drops.max_burst={burst}",
        *(f"syscall_event_drops.actions[]={action}" for action in actions),
    ]


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULE)
    return path


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Six events, 0.6 s apart: more than a second has gone by at the third and at the fifth."""
    story = Scenario("node-1", step=0)
    for number in range(6):
        story.init.chdir(f"/{number}")
        story.wait(0.6)
    path = tmp_path / "moves.scap"
    story.write(path)
    return path


def test_a_bucket_is_full_at_first_and_gains_tokens() -> None:
    bucket = TokenBucket(0.5, 2)
    start = 1_600_000_000 * SECOND
    assert [bucket.claim(start), bucket.claim(start), bucket.claim(start)] == [True, True, False]
    assert not bucket.claim(start + SECOND)
    assert bucket.claim(start + 2 * SECOND)
    assert not bucket.claim(start + 3 * SECOND)
    assert bucket.claim(start), "a time before the last wraps around and fills the bucket, as in libs"


def test_alerts_stand_before_those_of_the_event(capture: Path, rules: Path) -> None:
    alerts = list(scan(capture, rules, options=acting("alert")))
    internal = "Falco internal: syscall event drop"
    assert [alert.rule for alert in alerts] == [
        "Moved",
        "Moved",
        internal,
        "Moved",
        "Moved",
        internal,
        "Moved",
        "Moved",
    ]
    alert = alerts[2]
    assert isinstance(alert, Alert)
    assert (alert.source, alert.priority, alert.tags, alert.hostname) == ("internal", "Debug", (), "node-1")
    assert alert.output == "Falco internal: syscall event drop. 1 system calls dropped in last second."
    assert (alert.output_fields["n_drops"], alert.output_fields["n_evts"], len(alert.output_fields)) == ("1", "0", 15)
    as_json = tiercel("scan", capture, "-r", rules, "--json", *(f"-o{option}" for option in acting("alert")))
    assert as_json.lines == [alert.to_json() for alert in alerts]


def test_as_text(capture: Path, rules: Path) -> None:
    ran = tiercel(
        "scan", capture, "-r", rules, "-o", "append_output={}", *(f"-o{option}" for option in acting("alert"))
    )
    assert ran.lines[2].startswith(
        "00:00:01.200000000: Debug Falco internal: syscall event drop. 1 system calls dropped in last second. "
        '(ebpf_enabled="0" n_drops="1" n_drops_buffer_clone_fork_exit="0" '
    )
    assert ran.stderr.splitlines()[-3:] == [
        "Syscall event drop monitoring:",
        "   - event drop detected: 2 occurrences",
        "   - num times actions taken: 2",
    ]


def test_the_bucket_limits_actions(capture: Path, rules: Path) -> None:
    alerts = list(scan(capture, rules, options=acting("alert", burst=1)))
    assert [alert.source for alert in alerts].count("internal") == 1


def test_exit_stops_before_the_event(capture: Path, rules: Path) -> None:
    alerts = scan([capture, capture], rules, options=acting("exit"))
    assert [next(alerts).message.partition(" container_id")[0] for _ in range(2)] == ["to /0", "to /1"]
    with pytest.raises(InputError, match="Drop manager internal error"):
        next(alerts)


def test_each_capture_begins_anew(capture: Path, rules: Path) -> None:
    alerts = list(scan([capture, capture], rules, options=acting("alert", burst=1)))
    assert [alert.source for alert in alerts].count("internal") == 2


def test_nothing_is_dropped_unless_simulated(capture: Path, rules: Path) -> None:
    options = ["syscall_event_drops.actions[]=alert", "syscall_event_drops.threshold=0"]
    assert {alert.source for alert in scan(capture, rules, options=options)} == {"syscall"}


def test_settings() -> None:
    assert load_config().drops == DropSettings()
    drops = load_config(None, [*acting("log", "alert"), "syscall_event_drops.threshold=0.5"]).drops
    assert drops.actions == (DropAction.LOG, DropAction.ALERT)
    assert (drops.threshold, drops.rate, drops.max_burst, drops.simulate) == (0.5, 0.03333, 10.0, True)
    fallen_back = load_config(None, ["syscall_event_drops.rate=often"])
    assert fallen_back.drops.rate == 0.03333
    assert "must be a number" in fallen_back.notes[0].message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (acting("ignore", "alert"), 'action "alert" does not make sense with the "ignore" action'),
        (acting("shout"), 'available actions for syscall event drops are "ignore", "log", "alert", "exit"'),
        (["syscall_event_drops.threshold=1.1"], r"threshold must be a double in the range \[0, 1\]"),
        (["syscall_event_drops.threshold=-1"], r"threshold must be a double in the range \[0, 1\]"),
        (["log_level=loud"], "unknown log level 'loud'"),
    ],
)
def test_settings_that_contradict(options: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(None, options)
