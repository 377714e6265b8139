"""Events of a watch on their way into a store, and the store in its bounds."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command import tiercel
from tests.recording.host import WEBSHELL, Recorded, detection
from tests.reference import needs_reference
from tests.sources.live.host import watchable
from tests.watching.watcher import RULE, run, until, watching
from tiercel.model.batch import Batch
from tiercel.model.columns import P
from tiercel.model.event import Event
from tiercel.replay import Replay
from tiercel.watching.loop import Seen, Watch
from tiercel.watching.spool import Spool
from tiercel.watching.stored import PREFIX, alerts_in, keep
from tiercel.watching.storing import SPOOL, StoreSettings, Storing

DAY = "host=vm/day=2026-11-22"


def condition(word: str) -> str:
    return f"evt.type = execve and proc.args = {word}"


def segment(store: Path, began: int, size: int) -> Path:
    path = store / DAY / f"{PREFIX}{began:020d}-000000"
    path.mkdir(parents=True)
    (path / "events.parquet").write_bytes(bytes(size))
    return path


def test_the_oldest_segments_go_when_all_take_too_much(tmp_path: Path) -> None:
    old, middle, new = (segment(tmp_path, began, 100) for began in (10, 20, 30))
    assert [kept.path for kept in keep(tmp_path, 250, 0, 40)] == [middle, new]
    assert [old.exists(), middle.exists(), new.exists()] == [False, True, True]
    assert [kept.path for kept in keep(tmp_path, 50, 0, 40)] == [new]  # the newest stays, however large


def test_what_is_too_old_goes_and_nothing_that_others_stored(tmp_path: Path) -> None:
    segment(tmp_path, 10**18, 100)
    other = tmp_path / DAY / "incident-000000"
    other.mkdir()
    assert keep(tmp_path, 0, 60, 10**18 + 61 * 10**9) == []
    assert list((tmp_path / DAY).iterdir()) == [other]
    segment(tmp_path / "b", 10**18, 100)
    assert keep(tmp_path / "b", 0, 60, 10**18 + 61 * 10**9) == []
    assert not (tmp_path / "b" / DAY).exists()


def described(batch: Batch) -> list[tuple[str, int, bytes | None]]:
    """Return (type, time, name of the program) of the events that readers see."""
    events = (Event(batch, int(index)) for index in np.flatnonzero(batch.visible))
    return [(event.type.name, event.ts, event.text(event.process_cell(P.COMM))) for event in events]


class Kept:
    """Notes what a watch saw, in the form of a part."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int, bytes | None]] = []
        self.alerts: list[tuple[int, str]] = []

    def see(self, batch: Batch, alerts: Sequence[Seen]) -> None:
        shown = np.flatnonzero(batch.visible)
        numbers = {int(index): len(self.events) + place for place, index in enumerate(shown)}
        self.events += described(batch)
        self.alerts += [(numbers[seen.index], seen.alert.rule) for seen in alerts]

    def tick(self, now: int) -> None: ...

    def close(self) -> None: ...


@needs_reference
def test_captures_of_a_spool_hold_every_event_once_with_its_process_and_alerts(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(
        "- {rule: Exec, desc: d, condition: evt.type = execve, output: x, priority: INFO}"
    )
    source, kept = Recorded(WEBSHELL), Kept()
    made: list[Path] = []
    spool = Spool(tmp_path, source.tracker, source.hostname, made.append, most_events=1500)

    class Spooled(Kept):
        def see(self, batch: Batch, alerts: Sequence[Seen]) -> None:
            spool.put(batch, alerts)

        def close(self) -> None:
            spool.close(10)

    Watch(source, detection(tmp_path / "rules.yaml"), parts=[kept, Spooled()]).run()
    assert len(made) == -(-source.events // 1600) > 2  # batches of 200
    assert (spool.events, spool.lost) == (source.events, 0)
    events: list[tuple[str, int, bytes | None]] = []
    alerts: list[tuple[int, str]] = []
    for path in sorted(made):
        replay = Replay(path)
        for batch in replay:
            places = dict(zip(batch.num[batch.visible].tolist(), range(len(events), 1 << 30)))  # noqa: B905
            events += described(batch)
            alerts += [(places[number], alert.rule) for number, alert in alerts_in(batch) if number]
        assert replay.damage is None
    assert events == kept.events
    assert alerts == kept.alerts
    assert len(alerts) > 10


@pytest.mark.slow
@watchable
def test_a_watch_is_hunted_while_it_goes_on(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULE.format(name="Stored", word="storing-a"))
    store = tmp_path / "store"
    with watching(
        tmp_path, "-r", str(tmp_path / "rules.yaml"), "--store", str(store), "--store-every", "2s"
    ) as watcher:
        run("storing-a")
        (alert,) = watcher.alerted("Stored")
        until(lambda: len(list(store.glob("host=*/day=*/*/manifest.json"))) >= 2)
        assert len(tiercel("hunt", store, condition("storing-a")).lines) == 1
        run("storing-a")
        said = watcher.end()
    assert "Traceback" not in said
    events = tiercel("hunt", store, condition("storing-a"), "-p", "%evt.num %proc.cmdline").lines
    assert [line.partition(" ")[2] for line in events] == ["true storing-a"] * 2
    query = """select num from alerts where rule = 'Stored' and output_fields like '%"true storing-a"%' order by ts"""
    assert tiercel("sql", store, query, "--csv").lines[1:] == [line.split()[0] for line in events]
    assert alert["output_fields"]["proc.cmdline"] == "true storing-a"
    assert not list((store / SPOOL).iterdir())


@pytest.mark.slow
@watchable
def test_what_a_killed_watch_left_is_taken_in_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULE.format(name="Stored", word="storing-b"))
    store = tmp_path / "store"
    options = ("-r", str(tmp_path / "rules.yaml"), "--store", str(store))
    with watching(tmp_path, *options) as watcher:
        run("storing-b")
        watcher.alerted("Stored")
        until(lambda: any(b"storing-b" in path.read_bytes() for path in (store / SPOOL).iterdir()))
        watcher.end(signal.SIGKILL)
    assert len(list((store / SPOOL).iterdir())) == 1
    with watching(tmp_path, *options):
        until(lambda: list(store.glob("host=*/day=*/*/manifest.json")), "a segment")
    assert len(tiercel("hunt", store, condition("storing-b")).lines) == 1


@needs_reference
def test_a_capture_that_cannot_be_stored_holds_up_the_others_for_a_while_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tiercel.watching.storing._RETRY", 0.1)
    monkeypatch.setattr("tiercel.watching.storing._GIVE_UP", 0.2)
    storing, source = Storing(StoreSettings(tmp_path / "store")), Recorded(WEBSHELL)
    spool = tmp_path / "store" / SPOOL
    (spool / "00000000000000000001.scap").write_bytes(b"no capture")
    shutil.copy(WEBSHELL, spool / "00000000000000000002.scap")
    storing.begin(source.tracker, source.hostname)
    until(lambda: storing.segments == 1)
    storing.close()
    assert (spool / "00000000000000000001.scap.bad").read_bytes() == b"no capture"
    assert "passed over" in caplog.text
    assert storing.failed >= 2


@watchable
def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    ran = tiercel("watch", "--store", tmp_path, "--seconds", "1")
    assert ran.code == 1
    assert f"{tmp_path}: not empty, and not a store" in ran.stderr


@pytest.mark.parametrize("option", [("--store-max-size", "much"), ("--store-max-age", "30"), ("--store-every", "-1s")])
def test_amounts_that_are_none_are_refused(option: tuple[str, str]) -> None:
    ran = tiercel("watch", *option)
    assert ran.code == 2
    assert option[1] in ran.stderr


@pytest.mark.slow
@watchable
def test_a_full_disk_is_told_and_what_was_written_is_stored_once_there_is_room(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULE.format(name="Stored", word="storing-c"))
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], check=True)
    try:
        store = disk / "store"
        with watching(tmp_path, "-r", str(tmp_path / "rules.yaml"), "--store", str(store)) as watcher:
            run("storing-c")
            watcher.alerted("Stored")
            with suppress(OSError), (disk / "other").open("wb") as file:
                while True:
                    file.write(bytes(4096))
                    file.flush()
            until(lambda: [run("filling") for _ in range(20)] and watcher.alerts("Tiercel internal: events not stored"))
            (alert,) = watcher.alerts("Tiercel internal: events not stored")
            assert "No space left on device" in alert["output_fields"]["reason"]
            (disk / "other").unlink()
            until(lambda: list(store.glob("host=*/day=*/*/manifest.json")), "a segment")
            assert len(tiercel("hunt", store, condition("storing-c")).lines) == 1
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_bounds_of_a_store_that_was_not_named_are_refused() -> None:
    ran = tiercel("watch", "--store-max-size", "20GB")
    assert ran.code == 1
    assert ran.stderr.endswith("are about a store: give --store DIR\n")
