"""Joining and cleaning paths the way libsinsp does."""

from __future__ import annotations

import pytest

from tiercel.state.paths import LIMIT, TOO_LONG, concatenate, is_plain, printable


@pytest.mark.parametrize(
    ("base", "path", "joined"),
    [
        (b"/root/", b"a", b"/root/a"),
        (b"/root/", b"/etc/passwd", b"/etc/passwd"),
        (b"/root/", b"", b""),
        (b"/root/", b".", b"/root"),
        (b"/root/", b"./", b"/root"),
        (b"/root/", b"..", b"/"),
        (b"/root/", b"../../..", b"/"),
        (b"/a/b/", b"../c", b"/a/c"),
        (b"/a/b/", b"../../../c/", b"/c"),
        (b"/", b"a//b///c", b"/a/b/c"),
        (b"", b"foo/../a", b"a"),
        (b"/x/", b".hidden/..dots/a...", b"/x/.hidden/..dots/a..."),
        (b".", b"/../etc/./x", b"/etc/x"),
        (b"", b"/", b"/"),
        (b"<UNKNOWN>", b"a/b", b"<UNKNOWN>a/b"),
        (b"<UNKNOWN>", b"./a", b"<UNKNOWN>./a"),
        (b"/t/", b"a\x01b\xff", b"/t/a\xef\xbf\xbdb\xef\xbf\xbd"),
        (b"/t/", "naïve/☃".encode(), "/t/naïve/☃".encode()),
        (b"/t/", b"cut\x00here", b"/t/cut"),
    ],
)
def test_concatenate(base: bytes, path: bytes, joined: bytes) -> None:
    assert concatenate(base, path) == joined


def test_length_is_bounded() -> None:
    assert concatenate(b"/", b"a" * (LIMIT - 2)) == b"/" + b"a" * (LIMIT - 2)
    assert concatenate(b"/", b"a" * (LIMIT - 1)) == TOO_LONG
    assert len(concatenate(b"/", b"\xff" * 1000)) < LIMIT


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (b"plain", b"plain"),
        (b"tab\there", b"tab\xef\xbf\xbdhere"),
        (b"\xe2\x82", b"\xef\xbf\xbd"),  # cut short: one character lost
        (b"\xc2\x85", b"\xef\xbf\xbd"),  # a control character
        (b"\xed\xa0\x80", b"\xef\xbf\xbd" * 3),  # a surrogate
        (b"\xef\xb7\x90", b"\xef\xbf\xbd"),  # a noncharacter
        ("grün 𝄞".encode(), "grün 𝄞".encode()),
    ],
)
def test_printable(text: bytes, clean: bytes) -> None:
    assert printable(text) == clean


def test_plain_paths_need_no_work() -> None:
    assert is_plain(b"/usr/lib/x.so")
    assert not is_plain(b"a/../b")
    assert not is_plain(b"a//b")
    assert not is_plain(b"a/")
    assert is_plain(b"/")
