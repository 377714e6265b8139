"""Adding files to a case, one after the other, telling what becomes of each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from tiercel.case import Case
from tiercel.case.adding import files_of
from tiercel.case.ingesting import Reading
from tiercel.case.record import Evidence
from tiercel.case.status import state
from tiercel.cli.progress import counting
from tiercel.errors import InputError
from tiercel.reconstruct.wording.printable import printable
from tiercel.sources.rotated import in_order


def add_all(
    case: Case, paths: Sequence[Path], rules: Sequence[Path], every: bool, copy: bool, out: TextIO = sys.stdout
) -> list[str]:
    """Add files and folders of them, with a line to ``out`` for each piece of evidence; returns what went wrong.

    Raises:
        InputError: the rules do not load, or the case cannot be worked on.
    """
    reading = Reading.of(rules, every)
    failures: list[str] = []
    with counting("interrupted evidence", results=False) as progress:
        try:
            for evidence in case.resume(reading, progress):
                _tell(evidence, "", out, failures)
        except InputError as error:
            failures.append(str(error))
    files: list[Path] = []
    for path in paths:
        try:
            found = list(files_of(path))
        except InputError as error:
            failures.append(str(error))
            continue
        if not found:
            failures.append(f"{path}: an empty folder")
        files += found
    for file in in_order(files):
        try:
            with counting(file.name, results=False) as progress:
                added = case.add(file, copy=copy, rules=reading, progress=progress)
            _tell(added.evidence, _again(file, added.evidence) if added.again else "", out, failures)
        except InputError as error:
            failures.append(str(error))
    return failures


def _again(file: Path, evidence: Evidence) -> str:
    return " (the case had it already)" if file.name == evidence.name else f" ({file.name} is the same, byte for byte)"


def _tell(evidence: Evidence, remark: str, out: TextIO, failures: list[str]) -> None:
    line = f"{evidence.id}  {evidence.name}  {evidence.kind}  {state(evidence)}{remark}"
    print(printable(line), file=out, flush=True)
    if evidence.ingest is not None and evidence.ingest.damage:
        count = f"the {evidence.ingest.events:,} events before it were read"
        failures.append(f"{printable(evidence.name)}: damaged at {evidence.ingest.damage}; {count}")
