"""Paths of keys as ``-o`` takes them."""

import pytest

from tiercel.config.path import parse_path


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("json_output", ["json_output"]),
        ("engine.replay.capture_file", ["engine", "replay", "capture_file"]),
        ("rules[]", ["rules", None]),
        ("rules[0].enable.tag", ["rules", 0, "enable", "tag"]),
        ("matrix[1][3]", ["matrix", 1, 3]),
        (r"annotations.kubernetes\.io/role", ["annotations", "kubernetes.io/role"]),
        (r"a\[0\]\\b", ["a[0]\\b"]),
        (r"end\.", ["end."]),
    ],
)
def test_a_path_becomes_steps(text, steps):
    assert parse_path(text) == steps


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("a..b", "missing at position 3"),
        (".a", "missing at position 1"),
        ("a.", "missing after"),
        ("a[", "not closed"),
        ("a[x]", "number in brackets"),
        ("a[0]b", "expected '.' at position 5"),
        ("a\\", "nothing follows"),
        ("a\\n", "no escape"),
    ],
)
def test_a_malformed_path_says_where(text, message):
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        parse_path(text)
