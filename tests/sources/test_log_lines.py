"""Lines of a log, whatever bytes they hold."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tiercel.sources.log_lines import Line, LogLines


def lines_of(tmp_path: Path, data: bytes, limit: int = 1 << 20) -> list[Line]:
    path = tmp_path / "log"
    path.write_bytes(data)
    return list(LogLines(path, limit))


@pytest.mark.parametrize("data", [b"a\nb\n", b"a\nb", b"a\r\nb\r\n", b"\xef\xbb\xbfa\nb"])
def test_ends_of_lines(tmp_path: Path, data: bytes) -> None:
    assert lines_of(tmp_path, data) == [Line(1, b"a"), Line(2, b"b")]


def test_empty(tmp_path: Path) -> None:
    assert lines_of(tmp_path, b"") == []
    assert lines_of(tmp_path, b"\n\n") == [Line(1, b""), Line(2, b"")]


@pytest.mark.parametrize("size", [(1 << 18) - 1, 1 << 18, (1 << 18) + 1, 700_000])
def test_lines_longer_than_what_is_read_at_a_time(tmp_path: Path, size: int) -> None:
    assert lines_of(tmp_path, b"x" * size + b"\nb") == [Line(1, b"x" * size), Line(2, b"b")]


@pytest.mark.parametrize("size", [11, 300_000, 600_000])
def test_too_long_lines_keep_their_beginning(tmp_path: Path, size: int) -> None:
    data = b"a\n" + b"x" * size + b"\nb\n" + b"y" * size
    expected = [Line(1, b"a"), Line(2, b"x" * 10, True), Line(3, b"b"), Line(4, b"y" * 10, True)]
    assert lines_of(tmp_path, data, limit=10) == expected


def test_utf16(tmp_path: Path) -> None:
    assert lines_of(tmp_path, "é\nb".encode("utf-16")) == [Line(1, "é".encode()), Line(2, b"b")]
    assert lines_of(tmp_path, b"\xfe\xff" + "é\nb".encode("utf-16-be") + b"\0")[0] == Line(1, "é".encode())


def test_damage_is_named_after_the_last_line(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(b"a\nb\n")[:-6])
    lines = LogLines(path)
    assert [line.data for line in lines] == [b"a", b"b"]
    assert lines.error == "gzip data ends too early"
