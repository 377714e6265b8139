"""Alerts inside what journals, container runtimes and shippers put around them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sources.test_alert_log import JSON, TEXT, TIME, log_of, only

INNER = json.dumps(JSON)
AT = "2026-11-22T01:04:45.000000001Z"

WRAPPED = {
    "cri": f"{AT} stdout F {JSON}",
    "docker": f'{{"log":{json.dumps(JSON + chr(10))},"stream":"stdout","time":"{AT}"}}',
    "fluent-bit": f'{{"log":{INNER},"stream":"stdout","kubernetes":{{"host":"node-1"}}}}',
    "journal": f"Nov 22 01:04:45 node-1 falco[812]: {JSON}",
    "journal, ISO": f"2026-11-22T01:04:45+0000 node-1 falco[812]: {JSON}",
    "journal, JSON": f'{{"MESSAGE":{INNER},"__REALTIME_TIMESTAMP":"1795309485000000","_HOSTNAME":"node-1"}}',
    "journal, bytes": f'{{"MESSAGE":{list(JSON.encode())},"__REALTIME_TIMESTAMP":"1795309485000000"}}',
    "syslog": f"<133>Nov 22 01:04:45 node-1 falco: {JSON}",
    "syslog, RFC 5424": f"<133>1 {AT} node-1 falco 812 - - {JSON}".replace("812 - - ", "812 id - "),
    "filebeat": f'{{"@timestamp":"{AT}","message":{INNER},"host":{{"name":"node-1"}}}}',
    "elasticsearch": f'{{"_index":"falco","_source":{JSON}}}',
    "kubectl": f"[pod/falco-x7/falco] {AT} {JSON}",
    "compose": f"falco-1  | {JSON}",
    "cri in docker": f'{{"log":{json.dumps(f"{AT} stdout F {JSON}{chr(10)}")},"stream":"stdout"}}',
}


@pytest.mark.parametrize("line", WRAPPED.values(), ids=WRAPPED)
def test_json_alert_in_an_envelope(tmp_path: Path, line: str) -> None:
    record = only(log := log_of(tmp_path, line))
    assert (record.ts, record.rule, record.hostname) == (TIME, "Terminal shell in container", "node-1")
    assert (record.kind, record.time_from, log.unparsable) == ("alert", "record", 0)


@pytest.mark.parametrize(
    "line",
    [
        f"Nov 22 01:05:45 node-7 falco[812]: {TEXT}",
        f"2026-11-22T01:05:45+0000 node-7 falco[812]: {TEXT}",
        f'{{"MESSAGE":"{TEXT}","__REALTIME_TIMESTAMP":"1795309545000000","_HOSTNAME":"node-7"}}',
    ],
)
def test_text_alert_takes_its_day_and_host_from_the_envelope(tmp_path: Path, line: str) -> None:
    log = log_of(tmp_path, line)
    log.written[log.paths[0]] = 1795400000 * 10**9
    record = only(log)
    assert (record.ts, record.time_from) == (1795309486772174354, "envelope")
    assert (record.output, record.hostname, record.kind) == (TEXT, "node-7", "text")


def test_the_day_is_right_around_midnight(tmp_path: Path) -> None:
    record = only(log_of(tmp_path, "2026-11-22T00:00:01Z stdout F 23:59:59.500000000: Notice late"))
    assert record.ts == 1795305599500000000


def test_pieces_of_a_long_line_are_put_together(tmp_path: Path) -> None:
    pieces = [f"{AT} stdout P {JSON[:100]}", f"{AT} stderr F {TEXT}", f"{AT} stdout P {JSON[100:200]}"]
    text, whole = log_of(tmp_path, *pieces, f"{AT} stdout F {JSON[200:]}")
    assert text.kind == "text"
    assert (whole.ts, whole.truncated, whole.line) == (TIME, False, 4)


def test_pieces_of_docker(tmp_path: Path) -> None:
    long = JSON.replace("A shell", "A" * 40_000) + "\n"
    pieces = [long[at : at + (16 << 10)] for at in range(0, len(long), 16 << 10)]
    assert len(pieces) == 3
    record = only(log_of(tmp_path, *(json.dumps({"log": piece, "stream": "stdout"}) for piece in pieces)))
    assert record.output_fields["evt.time"] == TIME
    assert not record.truncated


def test_a_piece_whose_rest_never_came(tmp_path: Path) -> None:
    record = only(log_of(tmp_path, f"{AT} stdout P {JSON[:-60]}"))
    assert record.truncated
    assert record.rule == "Terminal shell in container"


def test_the_same_alert_bare_and_wrapped_is_a_duplicate(tmp_path: Path) -> None:
    assert [record.duplicate for record in log_of(tmp_path, JSON, WRAPPED["cri"])] == [False, True]


def test_envelopes_without_end_are_given_up(tmp_path: Path) -> None:
    line = JSON
    for _ in range(12):
        line = json.dumps({"message": line})
    log = log_of(tmp_path, line)
    assert list(log) == []
    assert log.unparsable == 1
