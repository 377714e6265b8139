"""Conditions under a coverage-guided fuzzer: ``python -m tests.fuzz.fuzz_condition CORPUS`` (needs atheris)."""

from __future__ import annotations

import sys

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

with atheris.instrument_imports(include=["tiercel"]):
    from tests.fuzz.text_targets import ConditionTarget

TARGET = ConditionTarget()


def one_input(data: bytes) -> None:
    TARGET.run(1, data.decode("utf-8", "surrogateescape"))


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
