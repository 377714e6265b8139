"""Fields added to an alert that is already a line."""

from __future__ import annotations

import json

from tiercel.outputs.added_fields import with_fields

LINE = b'{"hostname":"h","output":"o","output_fields":{"proc.name":"sh"},"rule":"R"}\n'


def test_fields_join_those_of_the_rule_in_order() -> None:
    line = with_fields(LINE, {"capture.path": "/x.scap"})
    assert line == LINE.replace(b'{"proc', b'{"capture.path":"/x.scap","proc')


def test_nothing_is_rewritten_without_fields() -> None:
    assert with_fields(LINE, {}) is LINE


def test_text_stays_as_it_is() -> None:
    assert with_fields(b"12:00:00.000000000: Notice o\n", {"a": "b"}) == b"12:00:00.000000000: Notice o\n"


def test_fields_that_are_switched_off_are_not_brought_back() -> None:
    line = b'{"output":"o","rule":"R"}\n'
    assert with_fields(line, {"a": "b"}) == line
    assert "output_fields" not in json.loads(line)
