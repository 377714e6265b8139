"""Whatever is done to a signed ledger is found, and the line is named."""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.custody.ledgers import ledger_of, lines_of, serious, signer_of
from tiercel.custody import canonical, head
from tiercel.custody.entry import Entry, line_hash
from tiercel.custody.keys import Signer
from tiercel.custody.ledger import Ledger

ENTRIES = 8


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return ledger_of(tmp_path, ENTRIES)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ledger, bytes, bytes]:
    """A ledger for many trials, with what it and its head hold."""
    ledger = ledger_of(tmp_path_factory.mktemp("ledger"), ENTRIES)
    content, stated = ledger.file.read_bytes(), ledger.head_file.read_bytes()
    return ledger, content, stated


def put(ledger: Ledger, lines: list[bytes]) -> None:
    ledger.file.write_bytes(b"".join(lines))


def resigned(line: bytes, signer: Signer | None, **changes: object) -> bytes:
    """Return the line with other fields, signed anew."""
    assert signer is not None
    entry = replace(Entry.parse(line.rstrip(b"\n")), key=signer.public.fingerprint, **changes)  # type: ignore[arg-type]
    return replace(entry, sig=signer.sign(entry.message())).line() + b"\n"


@pytest.mark.parametrize("line", range(1, ENTRIES + 1))
def test_an_altered_line(ledger: Ledger, line: int) -> None:
    lines = lines_of(ledger)
    lines[line - 1] = lines[line - 1].replace(b'"outcome":"ok"', b'"outcome":"on"')
    put(ledger, lines)
    found = ledger.check()
    assert serious(found)[0] == ("altered", line, line)
    assert found[0].what == "its signature is not that of its content"
    assert {where for _, where, _ in serious(found)} == {line}


@pytest.mark.parametrize("line", range(1, ENTRIES))
def test_a_removed_line(ledger: Ledger, line: int) -> None:
    lines = lines_of(ledger)
    del lines[line - 1]
    put(ledger, lines)
    [found] = ledger.check()
    assert str(found) == f"line {line}: removed: entry {line} is missing before this line"


def test_several_removed_lines(ledger: Ledger) -> None:
    lines = lines_of(ledger)
    put(ledger, lines[:1] + lines[3:5] + lines[6:])
    assert [str(found) for found in ledger.check()] == [
        "line 2: removed: 2 entries (2 to 3) are missing before this line",
        "line 4: removed: entry 6 is missing before this line",
    ]


@pytest.mark.parametrize("kept", range(ENTRIES))
def test_a_truncated_tail(ledger: Ledger, kept: int) -> None:
    put(ledger, lines_of(ledger)[:kept])
    [found] = ledger.check()
    assert (found.kind, found.line, found.seq) == ("truncated", kept + 1, kept + 1)
    assert "the head says that there are 8" in found.what


def test_a_tail_cut_within_a_line(ledger: Ledger) -> None:
    ledger.file.write_bytes(ledger.file.read_bytes()[:-40])
    assert serious(ledger.check()) == [("altered", 8, 8)]
    lines = lines_of(ledger)
    put(ledger, [*lines[:5], lines[5][:100]])
    assert serious(ledger.check()) == [("altered", 6, 6), ("truncated", 7, 7)]


@pytest.mark.parametrize(("first", "second"), [(1, 2), (3, 4), (2, 7), (7, 8), (1, 8)])
def test_swapped_lines(ledger: Ledger, first: int, second: int) -> None:
    lines = lines_of(ledger)
    lines[first - 1], lines[second - 1] = lines[second - 1], lines[first - 1]
    put(ledger, lines)
    found = serious(ledger.check())
    assert {kind for kind, _, _ in found} == {"reordered"}
    assert {line for _, line, _ in found} <= {first, second}
    assert (second - first == 1) == (len(found) == 1)  # of neighbours one tells it all


@pytest.mark.parametrize(("source", "place"), [(3, 3), (3, 6), (6, 2), (8, 8)])
def test_a_copied_line(ledger: Ledger, source: int, place: int) -> None:
    lines = lines_of(ledger)
    lines.insert(place, lines[source - 1])
    put(ledger, lines)
    [found] = ledger.check()
    assert found.kind == "inserted"
    assert f"(entry {source})" in found.what


def test_a_line_of_another_ledger(ledger: Ledger, tmp_path: Path) -> None:
    foreign = lines_of(ledger_of(tmp_path / "other", ENTRIES))[4]
    lines = lines_of(ledger)
    put(ledger, [*lines[:4], foreign, *lines[4:]])
    assert serious(ledger.check()) == [("inserted", 5, None)]
    put(ledger, [*lines[:4], foreign, *lines[5:]])
    assert serious(ledger.check()) == [("altered", 5, 5)]


def test_nonsense_between_lines(ledger: Ledger) -> None:
    lines = lines_of(ledger)
    put(ledger, [*lines[:4], b"\n", b"nonsense\n", *lines[4:]])
    assert serious(ledger.check()) == [("inserted", 5, None), ("inserted", 6, None)]


def test_a_second_history_signed_with_the_same_key(ledger: Ledger) -> None:
    lines = lines_of(ledger)
    other = resigned(lines[4], ledger.signer, outcome="failed")
    put(ledger, [*lines[:5], other, *lines[5:]])
    assert serious(ledger.check()) == [("inserted", 6, 5)]
    put(ledger, [*lines[:4], other, *lines[5:]])
    assert serious(ledger.check()) == [("altered", 6, 6)]  # it still names the one that was exchanged
    put(ledger, [*lines[:7], resigned(lines[7], ledger.signer, outcome="failed")])
    assert ("altered", 8, 8) in serious(ledger.check())  # the head names it


def test_everything_at_once(ledger: Ledger) -> None:
    lines = lines_of(ledger)
    altered = lines[1].replace(b"entry 2", b"entry 9")
    put(ledger, [lines[0], altered, lines[4], lines[3], lines[5], lines[5], lines[6]])
    assert serious(ledger.check()) == [
        ("altered", 2, 2),
        ("reordered", 3, 5),
        ("removed", 4, 3),
        ("inserted", 6, 6),
        ("truncated", 8, 8),
    ]


def test_a_missing_ledger_or_head(ledger: Ledger) -> None:
    stated = ledger.head_file.read_bytes()
    ledger.head_file.unlink()
    assert serious(ledger.check()) == [("head", None, None)]
    ledger.head_file.write_bytes(stated)
    ledger.file.unlink()
    assert serious(ledger.check()) == [("removed", None, None)]


def test_an_old_head_and_more_than_one_entry_after_it(ledger: Ledger) -> None:
    stated = ledger.head_file.read_bytes()
    ledger.append("note")
    ledger.append("note")
    ledger.head_file.write_bytes(stated)
    assert serious(ledger.check()) == [("head", None, 8)]


def test_a_head_of_another_ledger(ledger: Ledger, tmp_path: Path) -> None:
    ledger.head_file.write_bytes(ledger_of(tmp_path / "other", ENTRIES).head_file.read_bytes())
    assert serious(ledger.check()) == [("head", None, None)]


def test_public_keys_that_are_altered_or_missing(ledger: Ledger) -> None:
    [place] = (ledger.path / "keys").iterdir()
    pem = place.read_bytes()
    for spoilt in (pem[:-1], pem.replace(b"M", b"N", 1), signer_of().public.pem):
        place.write_bytes(spoilt)
        assert serious(ledger.check()) == [("key", None, None)]
    place.unlink()
    assert serious(ledger.check()) == [("key", None, None)]


def test_what_is_no_file_is_not_waited_for(ledger: Ledger) -> None:
    for place in (next((ledger.path / "keys").iterdir()), ledger.head_file):
        content = place.read_bytes()
        place.unlink()
        os.mkfifo(place)
        assert serious(ledger.check()), place
        place.unlink()
        place.write_bytes(content + bytes(1 << 17))
        assert serious(ledger.check()), place
        place.write_bytes(content)
    assert ledger.check() == []


def test_an_altered_introduction_does_not_hide_the_rest(ledger: Ledger) -> None:
    lines = lines_of(ledger)
    lines[0] = lines[0].replace(b'"public_key":"', b'"public_key":"0')
    lines[5] = lines[5].replace(b"entry 6", b"entry 7")
    put(ledger, lines)
    assert serious(ledger.check()) == [("altered", 1, 1), ("altered", 6, 6)]


def test_a_foreign_key_is_found_by_who_knows_the_right_ones(ledger: Ledger) -> None:
    assert ledger.signer is not None
    other = signer_of("B. Other")
    Ledger.open(ledger.path, other).append("note")
    assert ledger.check() == []
    assert ledger.check([ledger.signer.public, other.public]) == []
    [found] = ledger.check(ledger.signer.public)
    assert (found.kind, found.line, found.seq) == ("foreign", 9, 9)
    assert "B. Other" in found.what


def test_a_key_that_is_not_introduced(ledger: Ledger) -> None:
    lines = lines_of(ledger)
    lines.append(resigned(lines[-1], ledger.signer, seq=9, prev=line_hash(lines[-1][:-1]), examiner="B. Other"))
    put(ledger, lines)
    assert serious(ledger.check()) == [("key", 9, 9)]


def test_a_clock_that_was_set_back_is_told_and_not_held_against_the_ledger(ledger: Ledger) -> None:
    lines = lines_of(ledger)
    time = "2001-01-01T00:00:00.000000000Z"
    lines.append(resigned(lines[-1], ledger.signer, seq=9, prev=line_hash(lines[-1][:-1]), time=time))
    put(ledger, lines)
    assert ledger.signer is not None
    ledger.head_file.write_bytes(head.signed(9, line_hash(lines[-1][:-1]), time, ledger.signer).content())
    [note] = ledger.check()
    assert (note.kind, note.line, note.serious) == ("clock", 9, False)


def test_numbers_beyond_all_reason_take_no_time(ledger: Ledger) -> None:
    lines = lines_of(ledger)
    put(ledger, [*lines, resigned(lines[-1], ledger.signer, seq=2**63 - 1), b"nonsense\n"])
    found = ledger.check()
    assert ("removed", 9, 9) in serious(found)
    assert "9223372036854775798 entries" in str(found)
    put(ledger, [*lines, resigned(lines[-1], ledger.signer, seq=2**63)])
    assert ("inserted", 9, None) in serious(ledger.check())


@pytest.mark.parametrize("field", ["seq", "argv", "prev", "extra", "evidence"])
def test_entries_of_another_form(ledger: Ledger, field: str) -> None:
    lines = lines_of(ledger)
    told = json.loads(lines[3]) | {field: True}
    lines[3] = canonical.encode(told) + b"\n"
    put(ledger, lines)
    [found] = ledger.check()
    assert (found.kind, found.line) == ("altered", 4)
    assert field in found.what


@pytest.mark.slow
def test_every_byte_of_a_line_and_of_the_head(shared: tuple[Ledger, bytes, bytes]) -> None:
    ledger, content, stated = shared
    draw = random.Random(1)
    start = content.index(b"\n") + 1
    end = content.index(b"\n", start)
    for place in range(start, end + 1):
        assert_found(ledger, content, place, draw.randrange(1, 256))
    ledger.file.write_bytes(content)
    for place in range(len(stated)):
        changed = bytearray(stated)
        changed[place] ^= draw.randrange(1, 256)
        ledger.head_file.write_bytes(changed)
        assert serious(ledger.check()) == [("head", None, None)], place
    ledger.head_file.write_bytes(stated)
    assert ledger.check() == []


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_byte_anywhere(shared: tuple[Ledger, bytes, bytes], data: st.DataObject) -> None:
    ledger, content, _ = shared
    place = data.draw(st.integers(0, len(content) - 1))
    assert_found(ledger, content, place, data.draw(st.integers(1, 255)))
    ledger.file.write_bytes(content)


def assert_found(ledger: Ledger, content: bytes, place: int, difference: int) -> None:
    changed = bytearray(content)
    changed[place] ^= difference
    ledger.file.write_bytes(changed)
    line = content[:place].count(b"\n") + 1
    found = serious(ledger.check())
    assert found, place
    assert found[0][:2] == ("altered", line), (place, found)
    # A line end in the middle makes two lines of one, a missing one makes one of two.
    assert {where for _, where, _ in found} <= {line, line + 1, None}, (place, found)


MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["alter", "delete", "duplicate", "swap", "truncate"]),
        st.integers(0, 10**6),
        st.integers(0, 10**6),
    ),
    min_size=1,
    max_size=5,
)


def mutate(lines: list[bytes], how: str, first: int, second: int) -> list[bytes]:
    lines = list(lines)
    if not lines:
        return lines
    here, there = first % len(lines), second % len(lines)
    if how == "alter":
        line = bytearray(lines[here])
        line[second % len(line)] ^= 1 + second % 255
        lines[here] = bytes(line)
    elif how == "delete":
        del lines[here]
    elif how == "duplicate":
        lines.insert(there, lines[here])
    elif how == "swap":
        lines[here], lines[there] = lines[there], lines[here]
    else:
        lines = b"".join(lines)[: first % sum(map(len, lines))].splitlines(keepends=True)
    return lines


@given(mutations=MUTATIONS)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_of_changes(shared: tuple[Ledger, bytes, bytes], mutations: list[tuple[str, int, int]]) -> None:
    ledger, content, _ = shared
    lines = content.splitlines(keepends=True)
    for how, first, second in mutations:
        lines = mutate(lines, how, first, second)
    ledger.file.write_bytes(b"".join(lines))
    assert bool(serious(ledger.check())) == (b"".join(lines) != content)
    ledger.file.write_bytes(content)


@given(content=st.binary(max_size=300), stated=st.binary(max_size=100))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_in_their_place(shared: tuple[Ledger, bytes, bytes], content: bytes, stated: bytes) -> None:
    ledger, sound, head_sound = shared
    ledger.file.write_bytes(content)
    assert serious(ledger.check())
    ledger.head_file.write_bytes(stated)
    assert serious(ledger.check())
    ledger.file.write_bytes(sound)
    assert serious(ledger.check()) == [("head", None, None)]
    ledger.head_file.write_bytes(head_sound)
