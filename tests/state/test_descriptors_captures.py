"""Descriptors of whole captures against what libsinsp extracted from them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from tests.reference import SHARED, needs_reference
from tiercel.model.batch import Tables
from tiercel.model.columns import F, FdFlag, FdKind
from tiercel.sources.capture import Capture
from tiercel.state import sockets
from tiercel.state.track import Tracker

CAPTURES = [
    "sfc_tcp-client-server",
    "sfc_filesat",
    "sfc_full_capture",
    "libs_curl_google",
    "libs_test_ipv6_client",
    "modern/a-seed-webshell",
]
PROTOCOLS = {2: "tcp", 3: "udp", 4: "icmp", 5: "raw"}
SERVERS = (FdKind.IPV4_SERVSOCK, FdKind.IPV6_SERVSOCK)
CONNECTED = (FdKind.IPV4_SOCK, FdKind.IPV6_SOCK)


def oracle(path: Path) -> Iterator[dict[str, str]]:
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
        text = io.TextIOWrapper(stream, "utf-8", "surrogateescape", newline="\n")
        yield from csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE)


def values(tables: Tables, has_fd: bool, fd: int, row: int) -> dict[str, str]:
    """Return the fields as text, without those that have no value."""
    found: dict[str, str] = {}
    if not has_fd:
        return found
    found["fd.num"] = str(fd)
    if row < 0:
        return found
    cells = tables.files.array[row].tolist()
    kind, role = cells[F.KIND], cells[F.FLAGS] & (FdFlag.ROLE_CLIENT | FdFlag.ROLE_SERVER)
    name = tables.strings.get(cells[F.NAME])
    assert name is not None
    found["fd.name"] = name.decode("utf-8", "surrogateescape").replace("\\", "\\\\")
    found["fd.ino"] = str(cells[F.INO] & (1 << 64) - 1)
    found["fd.l4proto"] = PROTOCOLS.get(cells[F.L4PROTO], "<NA>")
    if kind in SERVERS or (kind in CONNECTED and role):
        found["fd.sport"] = str(cells[F.DPORT])
        found["fd.sip"] = sockets.ip_text(tables.strings.get(cells[F.DIP]) or b"").decode() if role else "<NA>"
    if kind in CONNECTED and role:
        found["fd.cport"] = str(cells[F.SPORT])
        found["fd.cip"] = sockets.ip_text(tables.strings.get(cells[F.SIP]) or b"").decode()
    return found


@needs_reference
@pytest.mark.parametrize("name", CAPTURES)
def test_every_event(name: str) -> None:
    folder = SHARED / "captures" / name
    tables = Tables()
    wrong = []
    with Capture(folder / f"{folder.name}.scap") as capture:
        tracker = Tracker(tables, capture.world, capture.threads, capture.descriptors)
        expected = {int(line["evt.num"]): line for line in oracle(folder / "fields.tsv.zst")}
        checked = 0
        for batch in capture.batches(tables=tables):
            tracker.track(batch)
            for i in range(batch.count):
                line = expected.get(int(batch.num[i]))
                if line is None or (len(batch.visible) and not batch.visible[i]):
                    continue
                checked += 1
                found = values(tables, bool(batch.has_fd[i]), int(batch.fd[i]), int(batch.file[i]))
                for field in ("fd.num", "fd.ino", "fd.l4proto", "fd.sip", "fd.sport", "fd.cip", "fd.cport", "fd.name"):
                    if field == "fd.name" and field not in found:
                        continue  # comes from the event's parameters then
                    if found.get(field, "<NA>") != line[field]:
                        wrong.append((line["evt.num"], field, found.get(field), line[field]))
    assert checked == len(expected)
    assert not wrong, wrong[:5]
