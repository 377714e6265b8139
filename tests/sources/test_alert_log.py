"""Alert logs: JSON, text and Falco's own lines in one file, in whatever state."""

from __future__ import annotations

import gzip
import json
import os
import random
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import zstandard

from tests.reference import SHARED, needs_reference
from tiercel.errors import InputError
from tiercel.sources.alert_log import AlertLog, read_alerts
from tiercel.sources.alert_record import AlertRecord

TIME = 1795309484781819348
JSON = (
    '{"hostname":"node-1","output":"01:04:44.781819348: Notice A shell | process=bash","output_fields":'
    '{"evt.time":1795309484781819348,"proc.name":"bash","k8s.pod.name":null},"priority":"Notice",'
    '"rule":"Terminal shell in container","source":"syscall","tags":["T1059","shell"],'
    '"time":"2026-11-22T01:04:44.781819348Z"}'
)
TEXT = "01:04:46.772174354: Warning Sensitive file opened | file=/etc/shadow"
STARTED = "Sun Nov 22 01:04:40 2026: Falco version: 0.44.1 (x86_64)"


def log_of(tmp_path: Path, *lines: str | bytes, end: bytes = b"\n") -> AlertLog:
    path = tmp_path / "falco.log"
    path.write_bytes(b"".join((line if isinstance(line, bytes) else line.encode()) + end for line in lines))
    return read_alerts([path])


def only(log: AlertLog) -> AlertRecord:
    [record] = log
    return record


def test_json_alert(tmp_path: Path) -> None:
    record = only(log := log_of(tmp_path, JSON))
    assert (record.ts, record.rule, record.priority) == (TIME, "Terminal shell in container", "Notice")
    assert (record.source, record.hostname, record.tags) == ("syscall", "node-1", ("T1059", "shell"))
    assert record.output_fields == {"evt.time": TIME, "proc.name": "bash", "k8s.pod.name": None}
    assert (record.kind, record.time_from, record.truncated, record.replaced) == ("alert", "record", False, False)
    assert (record.file, record.line) == (str(log.paths[0]), 1)
    assert (log.lines, log.alerts, log.unparsable) == (1, 1, 0)


def test_own_lines_are_no_faults_and_date_the_text_alerts_around_them(tmp_path: Path) -> None:
    log = log_of(
        tmp_path, STARTED, TEXT, "Events detected: 1", "Rule counts by severity:", "   WARNING: 1",
        "Triggered rules by rule name:", "   Read sensitive file untrusted: 1", "Syscall event drop monitoring:",
        "   - event drop detected: 0 occurrences", "   - num times actions taken: 0",
    )  # fmt: skip
    record = only(log)
    assert record.ts == 1795309486772174354
    assert (record.rule, record.priority, record.output) == (None, "Warning", TEXT)
    assert (record.kind, record.time_from) == ("text", "context")
    assert (log.own_lines, log.unparsable) == (9, 0)
    assert [(summary.said, summary.found) for summary in log.summaries] == [(1, 1)]


def test_alerts_missing_against_what_falco_counted(tmp_path: Path) -> None:
    log = log_of(tmp_path, JSON, "Events detected: 5")
    list(log)
    assert [(summary.line, summary.said, summary.found) for summary in log.summaries] == [(2, 5, 1)]
    assert [(gap.kind, gap.count) for gap in log.gaps] == [("lost", 4)]


def test_text_alert_with_its_day(tmp_path: Path) -> None:
    record = only(log_of(tmp_path, "2026-11-22T03:04:46.772174354+0200: Warning Sensitive file opened"))
    assert (record.ts, record.time_from) == (1795309486772174354, "record")


def test_days_are_counted_back_from_the_last_change_of_the_file(tmp_path: Path) -> None:
    log = log_of(tmp_path, "23:59:59.000000000: Notice a", "00:00:01.000000000: Notice b", TEXT)
    os.utime(log.paths[0], ns=(0, TIME + 3 * 10**9))
    first, second, third = log
    assert third.ts == 1795309486772174354
    assert second.ts - first.ts == 2 * 10**9
    assert {record.time_from for record in (first, second, third)} == {"file"}


def test_days_are_counted_back_from_the_first_dated_line(tmp_path: Path) -> None:
    log = log_of(tmp_path, "23:59:59.000000000: Notice a", "01:00:00.000000000: Notice b", JSON)
    first, second, third = log
    assert third.ts - second.ts == 284781819348
    assert second.ts - first.ts == 3601 * 10**9
    assert first.time_from == "context"


def test_copies_are_dated_by_what_the_caller_knows(tmp_path: Path) -> None:
    path = log_of(tmp_path, TEXT).paths[0]
    record = only(read_alerts([path], written={path: TIME + 10**10}))
    assert record.ts == 1795309486772174354


def test_local_times(tmp_path: Path) -> None:
    path = log_of(tmp_path, STARTED, TEXT).paths[0]
    record = only(read_alerts([path], zone=timezone(timedelta(hours=2))))
    assert record.ts == 1795309486772174354 - 7200 * 10**9


def test_falcosidekick_adds_and_cuts(tmp_path: Path) -> None:
    fields = {"proc.cmdline": "a" * 507 + "[...]", "proc.name": "bash"}
    payload = {**json.loads(JSON), "uuid": "6f0ee3ba", "output_fields": fields, "time": "2026-11-22T01:04:44.78Z"}
    record = only(log := log_of(tmp_path, json.dumps(payload)))
    assert (record.uuid, record.truncated, log.cut) == ("6f0ee3ba", True, 1)
    assert record.ts == 1795309484780000000
    whole = {**payload, "output_fields": {"proc.cmdline": "a" * 600}}
    assert not only(log_of(tmp_path, json.dumps(whole))).truncated


def test_a_character_cut_in_two_is_seen_as_cut(tmp_path: Path) -> None:
    cut = ("é" * 300).encode()[:507].decode("utf-8", "replace") + "[...]"
    record = only(log_of(tmp_path, json.dumps({**json.loads(JSON), "output_fields": {"a": cut}})))
    assert record.truncated


INTERNAL = {
    "hostname": "node-1",
    "output": "Falco internal: syscall event drop. 12 system calls dropped in last second.",
    "output_fields": {"n_drops": "12", "n_evts": "400"},
    "priority": "Debug",
    "rule": "Falco internal: syscall event drop",
    "source": "internal",
    "time": "2026-11-22T01:04:44.781819348Z",
}


def test_drops_are_gaps_and_alerts(tmp_path: Path) -> None:
    record = only(log := log_of(tmp_path, json.dumps(INTERNAL)))
    assert (record.kind, record.source, record.tags) == ("internal", "internal", ())
    [gap] = log.gaps
    assert (gap.kind, gap.count, gap.to_ts, gap.line) == ("dropped", 12, TIME, 1)
    assert gap.from_ts == TIME - 10**9


def test_drops_as_text(tmp_path: Path) -> None:
    line = (
        "2026-11-22T01:04:44.781819348+0000: Debug Falco internal: syscall event drop. 7 system calls dropped in last "
        'second. (ebpf_enabled="1" n_drops="7" n_evts="90")'
    )
    record = only(log := log_of(tmp_path, line))
    assert record.rule == "Falco internal: syscall event drop"
    assert record.output_fields == {"ebpf_enabled": "1", "n_drops": "7", "n_evts": "90"}
    assert [(gap.kind, gap.count) for gap in log.gaps] == [("dropped", 7)]


def test_what_falco_only_logs_about_losses(tmp_path: Path) -> None:
    log = log_of(
        tmp_path,
        "Sun Nov 22 01:04:40 2026: Falco internal: syscall event drop. 3 system calls dropped in last second.",
        "Sun Nov 22 01:04:41 2026: Outputs queue out of memory. Drop event and continue on ...",
        "Sun Nov 22 01:04:42 2026: SIGTERM received, exiting...", "Sun Nov 22 01:09:42 2026: Falco version: 0.44.1",
    )  # fmt: skip
    assert list(log) == []
    assert [(gap.kind, gap.count) for gap in log.gaps] == [("dropped", 3), ("lost", None), ("outage", None)]
    assert (log.gaps[2].to_ts or 0) - (log.gaps[2].from_ts or 0) == 300 * 10**9


def test_metrics_are_internal_but_no_gap(tmp_path: Path) -> None:
    line = '01:04:46.772174354: Informational Falco metrics snapshot (evt.time=5 falco.version="0.44.1")'
    record = only(log := log_of(tmp_path, STARTED, line))
    assert (record.rule, record.kind) == ("Falco internal: metrics snapshot", "internal")
    assert record.output_fields["falco.version"] == "0.44.1"
    assert log.gaps == []


def test_invalid_utf8_stays_readable_and_is_marked(tmp_path: Path) -> None:
    record = only(log_of(tmp_path, JSON.encode().replace(b'"bash"', b'"b\xffsh"')))
    assert record.output_fields["proc.name"] == "b\ufffdsh"
    assert record.replaced


def test_halves_of_surrogate_pairs_can_be_encoded(tmp_path: Path) -> None:
    record = only(log_of(tmp_path, JSON.replace('"bash"', '"\\ud83d"').replace("process=bash", "\\uDE00")))
    assert json.dumps(record.output_fields, ensure_ascii=False).encode()
    assert record.output.encode()


def test_bytes_that_do_not_belong(tmp_path: Path) -> None:
    log = log_of(tmp_path, b"\xef\xbb\xbf" + JSON.encode(), b"\0" * 100 + TEXT.encode(), b"\0\0\0", b"", end=b"\r\n")
    first, second = log
    assert (first.ts, first.replaced) == (TIME, False)
    assert (second.output, second.replaced) == (TEXT, True)
    assert [fault.reason for fault in log.faults] == ["only NUL bytes"]


def test_utf16_as_some_shells_redirect(tmp_path: Path) -> None:
    path = tmp_path / "redirected.txt"
    path.write_bytes(f"{JSON}\r\n{STARTED}\r\n".encode("utf-16"))
    assert only(read_alerts([path])).ts == TIME


def test_a_line_cut_by_a_crash_keeps_what_is_there(tmp_path: Path) -> None:
    half = JSON[: JSON.index('"priority"') + 5]
    first, second = (log := log_of(tmp_path, half, JSON))
    assert first.truncated
    assert (first.ts, first.output_fields["proc.name"], first.rule) == (TIME, "bash", None)
    assert first.priority == "Notice"  # from the output
    assert not second.truncated
    assert log.cut == 1


@pytest.mark.parametrize("kept", [30, 60, 100, 130, 150, 200, 250])
def test_wherever_a_line_is_cut_the_one_written_after_it_is_found(tmp_path: Path, kept: int) -> None:
    *_, last = log_of(tmp_path, JSON[:kept] + JSON)
    assert last.rule == "Terminal shell in container"
    assert last.ts == TIME


def test_two_alerts_on_one_line(tmp_path: Path) -> None:
    assert [record.line for record in log_of(tmp_path, JSON + JSON.replace("22T01", "22T02"))] == [1, 1]


def test_lines_that_are_nothing_are_counted_with_their_place(tmp_path: Path) -> None:
    lines = [b"garbage", b'{"sample":1}', b"{]", b"\x80\x81\x82", b"[1,2]", b'{"log":5}', b"{" * 5000]
    log = log_of(tmp_path, *lines, JSON)
    assert only(log).line == 8
    assert log.unparsable == 7
    assert str(log.faults[0]) == f"{log.paths[0]}:1: neither an alert nor a line of Falco"
    assert log.faults[1].reason == "JSON, but no alert"
    assert log.faults[2].reason == "broken JSON"


def test_only_the_first_faults_are_kept(tmp_path: Path) -> None:
    log = log_of(tmp_path, *(["?"] * 100))
    assert list(log) == []
    assert (log.unparsable, len(log.faults)) == (100, 20)


@pytest.mark.parametrize(
    "change",
    [
        {"output_fields": [1]}, {"tags": "x"}, {"tags": [1, None, "a"]}, {"priority": 3}, {"time": 7}, {"time": "soon"},
        {"output": None}, {"source": {}}, {"hostname": 1}, {"time": "2026-13-45T99:99:99Z"}, {"uuid": []},
        {"output_fields": {"evt.time": 10**30}}, {"output_fields": {"evt.time": True}},
        {"time": "9999-01-01T00:00:00Z"},
        {"time": "0001-01-01T00:00:00+23:59"},
    ],
)  # fmt: skip
def test_parts_of_the_wrong_type_spoil_nothing(tmp_path: Path, change: dict[str, object]) -> None:
    record = only(log_of(tmp_path, json.dumps({**json.loads(JSON), **change})))
    assert record.rule == "Terminal shell in container"
    assert 0 <= record.ts < 1 << 63


def test_numbers_no_json_has(tmp_path: Path) -> None:
    record = only(log_of(tmp_path, JSON.replace('"bash"', "NaN")))
    assert record.output_fields["proc.name"] is None


def test_a_very_long_line_keeps_its_beginning(tmp_path: Path) -> None:
    long = JSON.replace("A shell", "A" * (5 << 20))
    first, second = log_of(tmp_path, long, JSON)
    assert first.truncated
    assert first.output.startswith("01:04:44.781819348: Notice AAAA")
    assert 4 << 20 > len(first.output) > 4 << 19
    assert second.line == 2


def test_duplicates_are_marked_not_dropped(tmp_path: Path) -> None:
    sent = json.dumps({**json.loads(JSON), "uuid": "u-1"})
    resent = json.dumps({**json.loads(JSON), "uuid": "u-1", "tags": []})
    log = log_of(tmp_path, JSON, JSON, sent, resent, STARTED, TEXT, TEXT)
    assert [record.duplicate for record in log] == [False, True, False, True, False, True]
    assert log.duplicates == 3


def test_reading_again_gives_the_same(tmp_path: Path) -> None:
    log = log_of(tmp_path, JSON, JSON, "?")
    assert list(log) == list(log)
    assert (log.alerts, log.duplicates, log.unparsable) == (2, 1, 1)


def test_rotated_files_are_read_from_the_oldest_to_the_newest(tmp_path: Path) -> None:
    def at(second: int) -> bytes:
        return (
            JSON.replace("44.781819348Z", f"{second:02d}.781819348Z")
            .replace('"evt.time":1795309484781819348,', "")
            .encode()
        )

    (tmp_path / "x.log").write_bytes(at(4))
    (tmp_path / "x.log.1").write_bytes(at(3))
    (tmp_path / "x.log.2.gz").write_bytes(gzip.compress(at(2)))
    (tmp_path / "x.log.10.zst").write_bytes(zstandard.compress(at(1)))
    log = read_alerts(sorted(tmp_path.iterdir()))
    assert [path.name for path in log.paths] == ["x.log.10.zst", "x.log.2.gz", "x.log.1", "x.log"]
    times = [record.ts for record in log]
    assert times == sorted(times)
    assert len(set(times)) == 4


def test_a_damaged_archive_gives_what_is_before_the_damage(tmp_path: Path) -> None:
    packed = gzip.compress("\n".join(JSON.replace("node-1", f"node-{n}") for n in range(500)).encode())
    path = tmp_path / "x.gz"
    path.write_bytes(packed[: len(packed) // 2])
    log = read_alerts([path])
    assert 50 < len(list(log)) < 500
    assert "too early" in log.broken[0].reason


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_alerts([tmp_path / "none"])


@needs_reference
@pytest.mark.parametrize("name", ["full-stdout-json.txt", "full-stdout-json-no-append.txt"])
def test_whole_stdout_in_json(name: str) -> None:
    log = read_alerts([SHARED / "reference/alerts" / name])
    records = list(log)
    assert [record.rule for record in records][:2] == ["Terminal shell in container", "Read sensitive file untrusted"]
    assert (len(records), log.own_lines, log.unparsable) == (5, 10, 0)
    assert [(summary.said, summary.found) for summary in log.summaries] == [(5, 5)]


@needs_reference
def test_text_and_json_of_one_run_agree() -> None:
    folder = SHARED / "reference/alerts"
    whole = list(read_alerts([folder / "full-stdout-json.txt"]))
    path = folder / "full-stdout-text.txt"
    written = {path: int(datetime(2026, 11, 22, 4, tzinfo=UTC).timestamp()) * 10**9}
    for texts in (read_alerts([path], written=written), read_alerts([folder / "full-stdout-text-iso.txt"])):
        for text, alert in zip(texts, whole, strict=True):
            assert (text.ts, text.priority) == (alert.ts, alert.priority)
            assert text.output.partition(": ")[2] == alert.output.partition(": ")[2]


@needs_reference
def test_every_recorded_alert_is_read_as_it_stands() -> None:
    paths = sorted((SHARED / "captures").glob("**/alerts-*.jsonl"))
    assert paths
    for path in paths:
        values = [json.loads(line) for line in path.read_text().splitlines()]
        log = read_alerts([path])
        for record, value in zip(log, values, strict=True):
            assert record.output_fields == value["output_fields"]
            assert record.ts == value["output_fields"]["evt.time"]
            assert (record.rule, record.priority, list(record.tags)) == (
                value["rule"],
                value["priority"],
                value["tags"],
            )
            assert record.hostname == value["hostname"]
        assert (log.unparsable, log.cut) == (0, 0)


def test_an_alert_without_any_time_gets_that_of_its_neighbour(tmp_path: Path) -> None:
    first, second = log_of(tmp_path, JSON, '{"rule":"r","priority":"Notice"}')
    assert (second.ts, second.time_from) == (first.ts, "context")


@pytest.mark.parametrize(
    "line",
    [
        b'{"log":' * 500_000, b'{"a":[' * 500_000, b'{"hostname":"' * 300_000, b'"' * (4 << 20),
        b"{" + b'"\\' * (2 << 20),
        b"01:04:46.7: Debug Falco internal: a. b (" + b'a="' * (1 << 20), b"Nov 22 01:04:45 " * 200_000,
        b'{"output":"' + b"\\u00e" * 500_000, b"   " + b"a: 1" * 1_000_000, b"\xff" * (4 << 20),
    ],
)  # fmt: skip
def test_no_line_takes_long(tmp_path: Path, line: bytes) -> None:
    log = log_of(tmp_path, line[: 4 << 20], JSON)
    begun = time.process_time()
    *_, last = log
    assert last.ts == TIME
    assert time.process_time() - begun < 10


def test_mutated_logs_never_make_reading_fail(tmp_path: Path) -> None:
    random.seed(1)
    whole = "\n".join([STARTED, JSON, TEXT, json.dumps(INTERNAL), f"2026-11-22T01:04:45Z stdout P {JSON}"]).encode()
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(random.randrange(1, 12)):
            at = random.randrange(len(data))
            data[at : at + random.choice((0, 1, 40))] = random.choice(
                (b"", b"\0", b"\xff", b'"', b"{", b"\n", b"9", b"\\")
            )
        log = log_of(tmp_path, bytes(data))
        assert all(0 <= record.ts < 1 << 63 and record.output.encode() is not None for record in log)
        assert log.alerts + log.own_lines + log.unparsable >= 1
