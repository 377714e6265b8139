"""What kind of evidence a file is."""

from __future__ import annotations

import gzip
import json
import os
import random
from pathlib import Path

import pytest
import zstandard

from tests.reference import SHARED, needs_reference
from tests.sources import scap
from tests.sources.test_alert_log import JSON, STARTED, TEXT
from tests.sources.test_alert_log_envelopes import WRAPPED
from tiercel.errors import InputError
from tiercel.sources.sniff import Kind, kind_of, kind_of_bytes

AUDIT = 'type=SYSCALL msg=audit(1795309484.781:4242): arch=c000003e syscall=59 success=yes exit=0 comm="bash"\n'
K8S = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"x","verb":"create"}\n'
POD_LOG = '{"level":"info","msg":"listening","time":"2026-11-22T01:04:44Z"}\n'

SAMPLES = {
    Kind.SCAP: [scap.section() + scap.machine()],
    Kind.FALCO_ALERTS: [
        JSON.encode(), TEXT.encode(), f"{STARTED}\n{TEXT}\n".encode(), STARTED.encode(), f"{JSON}\n".encode("utf-16"),
        b"\xef\xbb\xbf" + JSON.encode(), b"\0\0\0" + JSON.encode(), JSON.replace("A shell", "A" * 100_000).encode(),
        *(line.encode() for line in WRAPPED.values()),
    ],
    Kind.AUDIT: [
        AUDIT.encode() * 3, b"node=web-1 " + AUDIT.encode(), b"Nov 22 01:04:44 web-1 audispd: " + AUDIT.encode(),
        b"Nov 22 01:04:44 web-1 kernel: audit: type=1300 audit(1795309484.781:4242): arch=c000003e\n",
    ],
    Kind.K8S_AUDIT: [
        K8S.encode() * 2, json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1"}, indent=2).encode(),
        K8S.replace("x", "x" * 70_000).encode(),
    ],
    Kind.OTHER: [
        b"", b"\0" * 5000, b"hello\n", b"\x7fELF" + bytes(range(256)), POD_LOG.encode() * 4, b"{}", b"[]",
        b"{" * 70_000, b"\x28\xb5\x2f\xfd", b"\x1f\x8b",
        f"Dear colleague,\nwe found this line:\n{TEXT}\nWhat is it?\nRegards\n".encode(),
        b"2026-11-22T01:04:44Z nginx started\n", b'{"rule":1,"output":[]}', scap.section(magic=7),
    ],
}  # fmt: skip
CASES = [(kind, data) for kind, samples in SAMPLES.items() for data in samples]


@pytest.mark.parametrize(("kind", "data"), CASES)
def test_content_decides_plain_and_compressed(tmp_path: Path, kind: Kind, data: bytes) -> None:
    for number, packed in enumerate((data, gzip.compress(data), zstandard.compress(data))):
        path = tmp_path / f"capture.scap.{number}"
        path.write_bytes(packed)
        assert kind_of(path) == kind


@pytest.mark.parametrize(("kind", "data"), CASES)
def test_hostile_bytes_never_make_it_fail(kind: Kind, data: bytes) -> None:
    random.seed(len(data))
    for _ in range(40):
        changed = bytearray(data[:3000])
        for _ in range(random.randrange(1, 20)):
            changed[random.randrange(len(changed) or 1) : 0] = random.randbytes(2)
        assert kind_of_bytes(bytes(changed)) in Kind
    assert kind_of_bytes(random.randbytes(2000)) in Kind


def test_the_file_keeps_its_access_time(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(JSON)
    os.utime(path, ns=(10**18, 2 * 10**18))
    kind_of(path)
    assert path.stat().st_atime_ns == 10**18


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "none", Path("/dev/zero")):
        with pytest.raises(InputError, match=str(path)):
            kind_of(path)


@needs_reference
def test_recorded_files() -> None:
    captures = sorted(SHARED.glob("**/*.scap*"))
    assert captures
    assert {kind_of(path) for path in captures if path.stat().st_size > 16} <= {Kind.SCAP, Kind.OTHER}
    assert kind_of(SHARED / "captures/modern/a-seed-webshell/a-seed-webshell.scap") == Kind.SCAP
    logs = [path for path in SHARED.glob("captures/**/alerts-*.jsonl") if path.stat().st_size]
    logs += SHARED.glob("reference/alerts/*")
    assert {kind_of(path) for path in logs} == {Kind.FALCO_ALERTS}
    assert {kind_of(path) for path in SHARED.glob("reference/*.json")} == {Kind.OTHER}
    assert kind_of(SHARED / "README.md") == Kind.OTHER
