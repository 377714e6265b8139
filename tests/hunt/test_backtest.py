"""Back-tests: what a change of rules adds and removes, and what dominates the noise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hunt.conftest import Tell
from tiercel.capture.scenario import Scenario
from tiercel.detect import Detection
from tiercel.hunt.backtest import Backtest
from tiercel.hunt.backtest import Tested as Entry
from tiercel.hunt.noise import Share
from tiercel.hunt.selection import Selection
from tiercel.scanning import prepare
from tiercel.store.store import Store

RULE = """
- rule: {name}
  desc: d
  condition: {condition}
  output: "%proc.name %fd.name"
  priority: {priority}
"""


@pytest.fixture
def opens(tell: Tell) -> Store:
    """A backup opens a hundred files, an editor three."""
    told = Scenario("one")
    backup, editor = told.process("/usr/bin/backup"), told.process("/usr/bin/vi")
    for number in range(100):
        backup.open(f"/data/{number}")
    for number in range(3):
        editor.open(f"/etc/{number}")
    return tell(told, 25)


def rules(folder: Path, *written: tuple[str, str] | tuple[str, str, str]) -> Detection:
    path = folder / f"{len(list(folder.iterdir()))}.yaml"
    texts = [RULE.format(name=rule[0], condition=rule[1], priority=[*rule, "INFO"][2]) for rule in written]
    path.write_text("".join(texts))
    detection = prepare([], [path]).detection
    assert detection is not None
    return detection


def run(store: Store, new: Detection, old: Detection | None = None, workers: int = 1) -> dict[str, Entry]:
    return {entry.rule: entry for entry in Backtest(store, new, old, workers=workers).run()}


@pytest.mark.parametrize("workers", [1, 2])
def test_alerts_by_rule_with_samples(opens: Store, tmp_path: Path, workers: int) -> None:
    tested = run(
        opens,
        rules(tmp_path, ("Etc", "evt.type = openat and fd.directory = /etc"), ("None", "evt.type = mount")),
        workers=workers,
    )
    assert (tested["Etc"].alerts, tested["Etc"].before, tested["Etc"].change) == (3, None, "same")
    assert [line.split(" container_id")[0][-9:] for line in tested["Etc"].samples] == [
        "vi /etc/0",
        "vi /etc/1",
        "vi /etc/2",
    ]
    assert tested["None"] == Entry("None", "Informational")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_change_adds_and_removes_alerts(opens: Store, tmp_path: Path, workers: int) -> None:
    old = rules(
        tmp_path,
        ("Opens", "evt.type = openat"),
        ("Gone", "evt.type = openat and fd.name = /etc/1"),
        ("Louder", "evt.type = mount"),
    )
    new = rules(
        tmp_path,
        ("Opens", "evt.type in (openat, close) and not proc.name = backup"),
        ("Louder", "evt.type = mount", "ERROR"),
        ("New", "evt.type = openat and proc.name = backup and fd.name endswith 7"),
    )
    tested = run(opens, new, old, workers)
    entry = tested["Opens"]
    assert (entry.alerts, entry.before, entry.added, entry.removed, entry.unchanged) == (3, 103, 0, 100, 3)
    assert (entry.change, entry.changed) == ("changed", ("condition",))
    assert len(entry.removed_samples) == 3
    assert "backup /data/0" in entry.removed_samples[0]
    assert entry.added_samples == []
    assert (tested["Gone"].change, tested["Gone"].alerts, tested["Gone"].before) == ("removed", 0, 0)
    assert (tested["New"].change, tested["New"].added, tested["New"].before) == ("added", 10, 0)
    assert (tested["Louder"].change, tested["Louder"].changed) == ("changed", ("priority",))
    assert list(tested) == ["Opens", "Louder", "New", "Gone"]


def test_an_earlier_rule_takes_alerts_from_a_later_one(opens: Store, tmp_path: Path) -> None:
    """Only the first rule that matches an event raises an alert, so a new first rule silences what follows."""
    catch_all = ("All", "evt.type = openat")
    old = rules(tmp_path, catch_all)
    new = rules(tmp_path, ("First", "evt.type = openat and proc.name = backup"), catch_all)
    tested = run(opens, new, old)
    assert (tested["First"].added, tested["All"].removed, tested["All"].alerts) == (100, 100, 3)
    assert tested["All"].change == "same"


def test_the_same_rules_change_nothing(opens: Store, tmp_path: Path) -> None:
    written = ("Opens", "evt.type = openat")
    (entry,) = run(opens, rules(tmp_path, written), rules(tmp_path, written)).values()
    assert (entry.alerts, entry.added, entry.removed, entry.change) == (103, 0, 0, "same")


def test_what_dominates_the_noise(opens: Store, tmp_path: Path) -> None:
    (entry,) = run(opens, rules(tmp_path, ("Opens", "evt.type = openat")), workers=2).values()
    shares = {(share.field, share.value): share for share in entry.noise}
    assert shares["proc.name", "backup"] == Share("proc.name", "backup", 100, 100 / 103)
    assert shares["fd.directory", "/data"].alerts == 100
    assert shares["user.name", "root"].share == 1.0
    assert not [share for share in entry.noise if share.field == "fd.name"]  # no name has a twentieth of the alerts
    assert entry.noise[0].share == 1.0


def test_a_part_of_the_store(opens: Store, tmp_path: Path) -> None:
    first = opens.segments()[0].manifest.first_ts
    assert first is not None
    test = Backtest(opens, rules(tmp_path, ("Opens", "evt.type = openat")), None, Selection(until=first + 5_000))
    (entry,) = test.run()
    assert 0 < entry.alerts < 10


def test_what_could_not_be_looked_at_is_told(opens: Store, tmp_path: Path) -> None:
    bad = opens.segments()[1].path / "events.parquet"
    bad.write_bytes(b"")
    test = Backtest(opens, rules(tmp_path, ("Opens", "evt.type = openat")))
    (entry,) = test.run()
    assert 0 < entry.alerts < 103
    assert [str(bad) in failure for failure in test.failures] == [True]
