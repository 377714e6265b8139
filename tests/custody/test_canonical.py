from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercel.custody import canonical

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_keys_are_sorted_and_nothing_is_spaced() -> None:
    assert canonical.encode({"b": [1, None, True], "a": {"z": "é\n\x01", "y": -5}}) == (
        b'{"a":{"y":-5,"z":"\xc3\xa9\\n\\u0001"},"b":[1,null,true]}'
    )


def test_keys_are_sorted_by_utf16_code_units() -> None:
    # U+FB33 is before U+1F600 as a code point, after it as UTF-16
    assert canonical.encode({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()


def test_arguments_that_are_not_utf8_are_shown() -> None:
    assert canonical.encode(["caf\udce9", "\ud800"]) == rb'["caf\\xe9","\\ud800"]'


@pytest.mark.parametrize("value", [1.5, {"a": float("nan")}, {1: 2}, b"bytes", {"a": {1, 2}}])
def test_what_is_not_exact_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical.encode(value)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES, max_size=5))
def test_there_and_back(value: dict[str, Any]) -> None:
    text = canonical.encode(value)
    assert canonical.encode(canonical.decode(text)) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"a": 1}', "not canonical"),
        (b'{"b":1,"a":1}', "not canonical"),
        (b'{"a":1,"a":1}', "not canonical"),
        (b'{"a":"\\u00e9"}', "not canonical"),
        (b'{"a":-0}', "not canonical"),
        (b'{"a":"\\ud800"}', "not canonical"),
        (b'{"a":1.0}', "not an integer"),
        (b'{"a":NaN}', "not an integer"),
        (b'{"a":1', "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"\xff", "not UTF-8"),
        (b"", "not JSON"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deep"),
        (b'{"a":' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_only_the_canonical_spelling_is_read(text: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        canonical.decode(text)
