"""Audit logs under a coverage-guided fuzzer: ``python -m tests.fuzz.fuzz_audit CORPUS`` (needs atheris)."""

from __future__ import annotations

import sys

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

with atheris.instrument_imports(include=["tiercel"]):
    from tests.fuzz.audit_target import AuditTarget

TARGET = AuditTarget()


def one_input(data: bytes) -> None:
    TARGET.run(1, data)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
