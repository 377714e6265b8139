"""What the kernel leaves out by the rules: no event that a rule would match, whatever the rule."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiercel.engine.row import evaluator
from tiercel.model.batch import Batch, Tables
from tiercel.model.event import Event
from tiercel.model.world import World
from tiercel.rules.condition import compile_condition
from tiercel.rules.syntax import Node
from tiercel.sources.live.decoding import LiveDecoder
from tiercel.sources.live.filters import Names
from tiercel.sources.records import ThreadRecord
from tiercel.state.track import Tracker
from tiercel.watching.possible import FAILED, SUCCEEDED, Happened, names, verdict
from tiercel.wire.conversion import CONSTANTS
from tiercel.wire.event_table import BY_CONSTANT

OPENAT = BY_CONSTANT["SYSCALL_OPENAT_2_X"]
TID = 4242
AT_FDCWD = -100


@dataclass(frozen=True)
class Opened:
    """One call of openat: what it returned, the name as it was given, the way it was opened (flags & 3)."""

    result: int
    name: bytes
    way: int

    def batch(self) -> Batch:
        """Return the event as the probe would send it, tracked."""
        values = [
            struct.pack("<q", self.result), struct.pack("<q", AT_FDCWD), self.name + b"\0",
            struct.pack("<I", {1: 2, 2: 3}.get(self.way, 1)), bytes(4), bytes(4), bytes(8),
        ]  # fmt: skip
        lengths = struct.pack("<7H", *map(len, values))
        length = 26 + len(lengths) + sum(map(len, values))
        body = struct.pack("<HQQIHI", 0, 1_000, TID, length, OPENAT, 7) + lengths + b"".join(values)
        body += bytes(-len(body) % 4)
        block = struct.pack("<II", 0x216, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
        data = bytearray(CONSTANTS) + block
        tables = Tables()
        batch = LiveDecoder(tables).batch(data, len(data))
        Tracker(tables, World(), [ThreadRecord(TID, TID, 1, TID, TID, TID, b"tester", cwd=b"/home/")]).track(batch)
        return batch

    def left_out(self, condition: Node) -> bool:
        """Return whether the kernel leaves it out when this condition is all that is asked."""
        results = FAILED if self.result < 0 else SUCCEEDED
        if self.result < 0 and verdict(condition, Happened(OPENAT, FAILED)) is False:
            return True
        wanted = names(condition, Happened(OPENAT, results, self.way))
        return wanted is not None and not wanted.passes(self.name)


TEXTS = (
    "/etc/shadow",
    "/etc",
    "/etc/",
    "shadow",
    "/",
    "..",
    "/var/log/syslog",
    ".log",
    "/home/tester/.ssh",
    "log",
    "h/../x",
)
PATTERNS = ("/etc/*", "*dow", "/e?c/[s]*w", "/etc/sh\\\\adow")
TEXT_FIELDS = ("fd.name", "fd.nameraw", "fd.directory", "fd.filename")


def _texts() -> st.SearchStrategy[str]:
    operators = ("=", "!=", "startswith", "endswith", "contains", "icontains", "glob")
    plain = st.builds(
        lambda field, op, text: f'{field} {op} "{text}"',
        st.sampled_from(TEXT_FIELDS), st.sampled_from(operators), st.sampled_from((*TEXTS, *PATTERNS)),
    )  # fmt: skip
    listed = st.builds(
        lambda field, op, texts: f"{field} {op} ({', '.join(texts)})",
        st.sampled_from(TEXT_FIELDS), st.sampled_from(("in", "pmatch")), st.lists(st.sampled_from(TEXTS), min_size=1),
    )  # fmt: skip
    return plain | listed


CHECKS = st.sampled_from(
    (
        "evt.type = openat", "evt.type in (open, openat)", "evt.type = execve", "evt.type != openat",
        "evt.is_open_read = true", "evt.is_open_write = true", "evt.is_open_write = false", "evt.rawres >= 0",
        "evt.rawres < 0", "evt.rawres = -2", "evt.rawres in (3, 4)", "evt.res = SUCCESS", "evt.res != SUCCESS",
        "evt.res contains ENOENT", "evt.failed = true", "evt.failed = false", "fd.num >= 0", "fd.num < 3",
        "fd.num = -1",
        "fd.typechar = f", "fd.typechar != f", "proc.name = tester", "proc.name = other", "fd.name exists",
        "fd.type = file", "evt.res in (SUCCESS, EINPROGRESS)",
    )
)  # fmt: skip
CONDITIONS = st.recursive(
    CHECKS | _texts(),
    lambda inner: (
        st.builds(lambda child: f"not ({child})", inner)
        | st.builds(lambda a, word, b: f"({a} {word} {b})", inner, st.sampled_from(("and", "or")), inner)
    ),
    max_leaves=6,
)
PARTS = st.sampled_from((b"etc", b"shadow", b"var", b"log", b"syslog", b"..", b".", b"", b".ssh", b"x" * 90, b"\xff"))
NAMES = st.builds(
    lambda root, parts: root + b"/".join(parts), st.sampled_from((b"/", b"", b"//")), st.lists(PARTS, max_size=6)
)
OPENS = st.builds(
    Opened,
    st.sampled_from((-13, -2, 0, 1, 3, 700)),
    NAMES | st.sampled_from([t.encode() for t in TEXTS]),
    st.integers(0, 3),
)


@settings(max_examples=600, deadline=None)
@given(CONDITIONS, OPENS)
def test_what_is_left_out_matches_nothing(text: str, opened: Opened) -> None:
    condition = compile_condition(text)
    if opened.left_out(condition):
        batch = opened.batch()
        assert not evaluator(condition)(Event(batch, 0)), f"{text}: {opened}"


@pytest.mark.parametrize(
    ("text", "beginnings", "ends"),
    [
        ("fd.name startswith /etc/", {b"/etc/"}, set()),
        ("fd.name = /etc/shadow", set(), {b"/etc/shadow"}),
        ("fd.directory = /usr/bin", {b"/usr/bin/"}, set()),
        ("fd.filename in (authorized_keys, id_rsa)", set(), {b"/authorized_keys", b"/id_rsa"}),
        ("fd.name glob /proc/*/environ", set(), {b"/environ"}),
        ("fd.name pmatch (/var/log, /etc/*.d)", {b"/var/log", b"/etc/"}, set()),
        ("proc.name = x and fd.name startswith /etc/", {b"/etc/"}, set()),
        ("fd.name startswith /etc/ and evt.is_open_write = true", set(), set()),
        ("fd.nameraw contains ../", set(), set()),
        ("fd.name startswith /root/.ssh", set(), set()),  # such names always pass
    ],
)
def test_how_names_that_matter_begin_or_end(text: str, beginnings: set[bytes], ends: set[bytes]) -> None:
    found = names(compile_condition(text), Happened(OPENAT, SUCCEEDED, way=0))
    assert found == Names(frozenset(beginnings), frozenset(ends))


@pytest.mark.parametrize(
    "text",
    ["fd.name startswith /", "proc.name = x", "not fd.name startswith /etc/", "fd.name regex .*x", "fd.name != /a"],
)
def test_of_some_conditions_every_name_matters(text: str) -> None:
    assert names(compile_condition(text), Happened(OPENAT, SUCCEEDED, way=0)) is None


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("evt.rawres >= 0", False),
        ("fd.num >= 0 and proc.name = x", False),
        ("evt.res = SUCCESS", False),
        ("evt.res != SUCCESS", True),
        ("evt.res in (SUCCESS, EINPROGRESS)", None),
        ("evt.rawres = -2", None),
        ("proc.name = x", None),
        ("not evt.failed = true or evt.type = execve", False),
    ],
)
def test_conditions_on_calls_that_failed(text: str, known: bool | None) -> None:
    assert verdict(compile_condition(text), Happened(OPENAT, FAILED)) is known
