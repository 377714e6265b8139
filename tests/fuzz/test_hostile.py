"""Inputs made to blow up are refused, or handled in time that grows with their size."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest

from tests.capture.stories import break_in
from tiercel.capture import blocks
from tiercel.replay import Replay
from tiercel.rules.load import load
from tiercel.rules.yaml_source import Source

SECONDS = 15.0  # of processor time, many times what is needed


def rule(condition: str, output: str = "o") -> str:
    return f"- rule: r\n  desc: d\n  condition: {condition}\n  output: {output}\n  priority: INFO\n"


def doubling(kind: str, key: str, first: str, each: str, last: str) -> str:
    text = f"- {kind}: x0\n  {key}: {first}\n"
    for i in range(1, 40):
        text += f"- {kind}: x{i}\n  {key}: {each.replace('X', f'x{i - 1}')}\n"
    return text + rule(last)


RULES = {
    "macros that double": doubling("macro", "condition", "(proc.name = a)", "(X and X)", "x39"),
    "lists that double": doubling("list", "items", "[a]", "[X, X]", "proc.name in (x39)"),
    "aliases that multiply": "".join(
        f"- list: x{i}\n  items: &a{i} [{', '.join([f'*a{i - 1}'] * 9 if i else ['x'] * 9)}]\n" for i in range(10)
    ),
    "deep parentheses": rule("(" * 5000 + "proc.name = a" + ")" * 5000),
    "deep sequences": "- " + "[" * 20000,
    "deep mappings": "- " + "{a: " * 20000,
    "many alternatives": rule(" or ".join(f"proc.name = a{i}" for i in range(5000))),
    "many fields in a quoted output": rule("evt.type = open", "'" + "%proc.name " * 3000 + "'"),
    "a large pattern": rule("proc.name regex '((((a{1,100}){1,100}){1,100}){1,100})'"),
}


@pytest.mark.parametrize("name", RULES)
def test_rules(name: str) -> None:
    begun = time.process_time()
    load([Source("hostile.yaml", RULES[name].encode())])
    assert time.process_time() - begun < SECONDS


def event() -> bytes:
    body = struct.pack("<HQqIHI", 0, 1, 5, 46, 5, 2) + struct.pack("<HH", 8, 8) + bytes(16)
    return blocks.block(blocks.EVENT, body)


CAPTURES = {
    "tiny blocks before the first event": (blocks.block(0x999, b"") * 100_000 + event(), 1),
    "tiny blocks between events": ((event() + blocks.block(0x999, b"")) * 20_000, 20_000),
    "descriptor lists between events": ((event() + blocks.descriptor_list(5, [])) * 20_000, 20_000),
    "a section for each event": ((blocks.section_header() + event()) * 500, 500),
}


@pytest.mark.parametrize("name", CAPTURES)
def test_captures(name: str, tmp_path: Path) -> None:
    tail, count = CAPTURES[name]
    path = tmp_path / "hostile.scap"
    path.write_bytes(break_in().to_bytes() + tail)
    begun = time.process_time()
    replay = Replay(path)
    assert sum(batch.count for batch in replay) == count + len(break_in().events)
    assert replay.damage is None
    assert time.process_time() - begun < SECONDS
