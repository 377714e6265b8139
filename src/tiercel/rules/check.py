"""Checks rules files, as ``falco -V`` does, and tells what it found.

The JSON keeps Falco's keys. The text gives the file, line and column of each problem, the line itself and a hint.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tiercel.rules.cache import load_cached
from tiercel.rules.extra_output import ExtraOutput
from tiercel.rules.load import LoadResult, RulesFileError, expand, load
from tiercel.rules.syntax import Span
from tiercel.rules.verdict import Problem, Verdict
from tiercel.rules.wording import plain
from tiercel.rules.yaml_source import Source

_WIDEST = 160
_WORD = re.compile(r"[^\s,\]}#]{1,60}")


@dataclass(slots=True)
class Report:
    """What a check came to. ``failure`` is set when there is no verdict at all, as Falco's ``-V`` then gives none."""

    loaded: LoadResult
    failure: str | None = None

    @property
    def exit_code(self) -> int:
        return 1 if self.failure is not None else self.loaded.exit_code

    def as_json(self) -> dict[str, Any]:
        """Return what ``falco -V`` prints with ``json_output``."""
        return {"falco_load_results": [verdict.as_json() for verdict in self.loaded.verdicts]}

    def as_falco_text(self) -> str:
        """Return what ``falco -V`` prints: everything about files that do not load, a line for each other."""
        return "\n".join(
            verdict.headline() if verdict.successful and verdict.warnings else verdict.as_falco_text()
            for verdict in self.loaded.verdicts
        )

    def as_text(self) -> str:
        sources = {verdict.name: verdict.source for verdict in self.loaded.verdicts}
        lines: list[str] = []
        for verdict in self.loaded.verdicts:
            lines.extend(_verdict_lines(verdict, sources))
        return "\n".join(lines)


def check(
    paths: Iterable[str | os.PathLike[str]],
    *,
    strict: bool = False,
    extra: ExtraOutput | None = None,
    folders: bool | None = None,
    cached: bool = False,
) -> Report:
    """Load files one after the other and report on each.

    Args:
        paths: rules files and folders.
        strict: as Falco to the letter.
        extra: what the configuration adds to outputs.
        folders: a folder stands for the rules files in it, as with Falco's ``-r``. By default so unless ``strict``:
            Falco's ``-V`` refuses folders.
        cached: take rules that were compiled before from the cache; they cannot be described.
    """
    try:
        files = expand(paths, yaml_only=strict) if folders or (folders is None and not strict) else paths
        loaded = (load_cached if cached else load)(files, strict=strict, extra=extra)
    except RulesFileError as error:
        return Report(LoadResult(), str(error))
    return Report(loaded, loaded.unmet)


def _verdict_lines(verdict: Verdict, sources: dict[str, Source]) -> Iterator[str]:
    yield verdict.headline()
    for problem in verdict.errors:
        yield from _problem_lines(problem, "error", sources)
    for problem in verdict.warnings:
        yield from _problem_lines(problem, "note" if problem.own else "warning", sources)
    for warning in verdict.schema_warnings or ():
        yield f"  schema: {warning}"


def _problem_lines(problem: Problem, kind: str, sources: dict[str, Source]) -> Iterator[str]:
    at = problem.at
    hint = f" ({problem.hint})" if problem.hint else ""
    source = sources.get(at.file)
    word = _WORD.match(source.line(at.line - 1), at.column - 1) if source is not None else None
    what = plain(problem.message, problem.context.name, word[0] if word else "") or problem.label
    yield f"{at.file}:{at.line}:{at.column}: {kind}: {what}{hint} [{problem.code}]"
    items = [f"{place.item} '{place.name}'" for place in problem.context.chain() if place.name]
    if items:
        yield f"  in {', '.join(items)}"
    if source is not None:
        yield from _source_lines(source, at)


def _source_lines(source: Source, at: Span) -> Iterator[str]:
    """Yield the line and a row of carets under the place, both cut to fit."""
    line = source.line(at.line - 1).replace("\t", " ")
    if not line.strip():
        return
    column, start = at.column - 1, 0
    if column > _WIDEST // 2:
        start = column - _WIDEST // 2
    shown = line[start : start + _WIDEST]
    carets = min(at.length, max(len(shown) - (column - start), 1))
    number = f"{at.line:>5} | "
    yield number + shown
    yield " " * (len(number) + column - start) + "^" * carets
