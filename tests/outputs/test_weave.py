"""Weaving lines: the kernel and the plain form give the same bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercel.outputs import weave as module
from tiercel.outputs.forms import Digits, Form, Shown, Texts
from tiercel.outputs.weave import Woven, interleave, weave

NUMBERS = [0, 7, 10, 99, 999_999_999, 1_000_000_000, 1_000_000_001, 2**32, 10**18 - 1, 10**18, 2**63 - 1]
SIGNED = [*NUMBERS, *(-number for number in NUMBERS), -(2**63)]
UNSIGNED = [*NUMBERS, 2**63, 10**19, 2**64 - 1]


@pytest.fixture(params=["compiled", "plain"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Weave with the kernel, then without."""
    name: str = request.param
    if name == "plain":
        monkeypatch.setattr(module, "_weave", None)
    elif module._weave is None:
        pytest.skip("not compiled")
    return name


def texts(*items: bytes, escape: bool = False) -> Texts:
    return Texts(b"".join(items), np.cumsum([0, *(len(item) for item in items)]), escape)


def woven(pieces: list[bytes], columns: list[Form], count: int) -> list[bytes]:
    """Return the lines, having checked where they end."""
    result = weave(pieces, columns, count)
    assert b"".join(result.lines()) == result.data
    assert result.ends.dtype == np.int64
    return result.lines()


def test_pieces_and_columns_take_turns(kernel: str) -> None:
    columns: list[Form] = [Shown(np.array([1, 0, 1]), [b"no", b"yes"]), Digits(np.array([5, -6, 0]))]
    assert woven([b"<", b" ", b">\n"], columns, 3) == [b"<yes 5>\n", b"<no -6>\n", b"<yes 0>\n"]


def test_lines_without_columns_and_no_lines(kernel: str) -> None:
    assert woven([b"x\n"], [], 2) == [b"x\n", b"x\n"]
    assert woven([b"x", b"\n"], [Shown(np.zeros(0, np.int64), [])], 0) == []


@pytest.mark.parametrize("width", [0, 1, 9, 12, 25])
def test_numbers_are_written_as_python_writes_them(kernel: str, width: int) -> None:
    for kind, numbers in (np.int64, SIGNED), (np.uint64, UNSIGNED):
        column = Digits(np.array(numbers, kind), width)
        expected = [f"{number:0{width}d}\n".encode() if width else b"%d\n" % number for number in numbers]
        assert woven([b"", b"\n"], [column], len(numbers)) == expected


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.uint8, np.uint16, np.uint32])
def test_numbers_of_every_width(kernel: str, kind: type[np.integer]) -> None:
    limits = np.iinfo(kind)
    column = Digits(np.array([limits.min, 1, limits.max], kind))
    assert woven([b"", b""], [column], 3) == [b"%d" % limits.min, b"1", b"%d" % limits.max]


def test_missing_numbers(kernel: str) -> None:
    column = Digits(np.array([1, 2, 3]), valid=np.array([True, False, True]), missing=b"<NA>")
    assert woven([b"", b"\n"], [column], 3) == [b"1\n", b"<NA>\n", b"3\n"]


def test_columns_that_are_views(kernel: str) -> None:
    values = np.arange(10)
    columns: list[Form] = [Digits(values[::2]), Shown(values[:5][::-1], [b"a", b"b", b"c", b"d", b"e"])]
    assert woven([b"", b"", b""], columns, 5) == [b"0e", b"2d", b"4c", b"6b", b"8a"]


def test_texts_as_they_are_and_escaped(kernel: str) -> None:
    items = [b"", b'a "b"', b"c:\\d", "ü\u2028".encode(), b'\\"']
    assert woven([b"", b""], [texts(*items)], 5) == items
    escaped = [b"", b'a \\"b\\"', b"c:\\\\d", "ü\u2028".encode(), b'\\\\\\"']
    assert woven([b"", b""], [texts(*items, escape=True)], 5) == escaped


def test_texts_in_the_middle_of_others(kernel: str) -> None:
    assert woven([b"[", b"]"], [Texts(b"abcdef", np.array([1, 3, 4]))], 2) == [b"[bc]", b"[d]"]


def test_long_lines(kernel: str) -> None:
    """Longer than what is reserved at first."""
    column = texts(b"x" * 200_000, b'"' * 150_000, escape=True)
    assert woven([b"<", b">"], [column], 2) == [b"<" + b"x" * 200_000 + b">", b"<" + b'\\"' * 150_000 + b">"]


@pytest.mark.parametrize(
    "column",
    [
        Shown(np.array([2]), [b"a", b"b"]),
        Shown(np.array([0, 0]), [b"a"]),
        Digits(np.array([1, 2])),
        Digits(np.array([1]), valid=np.array([True, True])),
        Texts(b"abc", np.array([0])),
    ],
)
def test_columns_that_do_not_fit_are_refused(kernel: str, column: Form) -> None:
    with pytest.raises((IndexError, ValueError)):
        weave([b"", b""], [column], 1)


def test_the_kernel_refuses_what_lies_outside(kernel: str) -> None:
    if kernel == "plain":
        pytest.skip("slices end at the end of the text")
    for offsets in ([0, 4], [2, 1], [-1, 1]):
        with pytest.raises(IndexError):
            weave([b"", b""], [Texts(b"abc", np.array(offsets))], 1)
    with pytest.raises(IndexError):
        weave([b"", b""], [Shown(np.array([-1]), [b"a"])], 1)


def test_as_many_pieces_as_go_around_the_columns(kernel: str) -> None:
    with pytest.raises(ValueError, match="2 pieces"):
        weave([b"", b""], [], 1)


def lines(*items: bytes) -> Woven:
    return Woven(b"".join(items), np.cumsum([len(item) for item in items], dtype=np.int64))


def test_interleaving_by_key(kernel: str) -> None:
    parts = [
        (np.array([3, 5]), lines(b"a3\n", b"a5\n")),
        (np.array([1, 3, 9]), lines(b"b1\n", b"bb3\n", b"b9\n")),
        (np.array([], np.int64), lines()),
        (np.array([4]), lines(b"c4\n")),
    ]
    assert interleave(parts) == b"b1\na3\nbb3\nc4\na5\nb9\n"
    assert interleave(parts[:1]) == b"a3\na5\n"
    assert interleave([]) == b""


@given(
    st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1),
            st.booleans(),
            st.text(st.characters(exclude_categories=("Cc", "Cs"))),
            st.binary(max_size=5),
        )
    )
)
def test_kernel_and_plain_form_agree(rows: list[tuple[int, bool, str, bytes]]) -> None:
    values = np.array([row[0] for row in rows], np.int64)
    items = [row[2].encode() for row in rows]
    columns: list[Form] = [
        Digits(values, 4, np.array([row[1] for row in rows], bool), b"null"),
        texts(*items, escape=True),
        texts(*items),
        Shown(np.arange(len(rows)), [row[3] for row in rows]),
        Digits(values.view(np.uint64)),
    ]
    pieces = [b"{", b",", b"", b"|", b":", b"}\n"]
    with pytest.MonkeyPatch.context() as patch:
        built = weave(pieces, columns, len(rows))
        patch.setattr(module, "_weave", None)
        plain = weave(pieces, columns, len(rows))
    assert built.data == plain.data
    assert built.ends.tolist() == plain.ends.tolist()
