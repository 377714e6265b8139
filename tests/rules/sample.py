"""Rules texts for tests, loaded without files."""

from __future__ import annotations

from tiercel.rules.extra_output import ExtraOutput
from tiercel.rules.load import LoadResult, load
from tiercel.rules.yaml_source import Source


def load_texts(*texts: str, strict: bool = False, extra: ExtraOutput | None = None) -> LoadResult:
    """Load contents as files 1.yaml, 2.yaml and so on."""
    sources = [Source(f"{number}.yaml", text.encode()) for number, text in enumerate(texts, 1)]
    return load(sources, strict=strict, extra=extra)


def rule(name: str = "R", condition: str = "evt.type = execve", more: str = "") -> str:
    """Return one rule item."""
    return f"- rule: {name}\n  desc: d\n  condition: {condition}\n  output: x\n  priority: INFO\n{more}"


def errors(loaded: LoadResult) -> list[tuple[str, str]]:
    return [(str(one.code), one.message) for verdict in loaded.verdicts for one in verdict.errors]


def warnings(loaded: LoadResult) -> list[str]:
    return [str(one.code) for verdict in loaded.verdicts for one in verdict.warnings]
