"""``tiercel investigate``: from files to a case, a story and a report in one go."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tiercel.case import Case
from tiercel.case.adding import files_of
from tiercel.case.intake import regular, shown, stored_name
from tiercel.cli.adding import add_all
from tiercel.cli.progress import counting
from tiercel.custody.keys import Signer
from tiercel.errors import InputError
from tiercel.reconstruct.incidents.find import alone, as_document
from tiercel.reconstruct.raised import counted
from tiercel.reconstruct.wording.printable import printable
from tiercel.report.assemble import Findings
from tiercel.report.writing import Form, write_into


def investigate(
    paths: Sequence[Path],
    directory: Path | None,
    title: str | None,
    signer: Signer,
    *,
    rules: Sequence[Path] = (),
    every: bool = False,
    copy: bool = True,
    as_json: bool = False,
) -> None:
    """Open a case, add everything, print what happened and write the report.

    Raises:
        InputError: nothing could be read; or something could not, which is said after all else was done.
    """
    named = ", ".join(dict.fromkeys(shown(path.name) for path in paths))
    _refuse_nothing(paths)
    case = Case.new(directory or _place(paths[0]), title or f"Investigation of {named}", signer)
    failures = add_all(case, paths, rules, every, copy, out=sys.stderr)
    with counting("reconstruct", results=False) as progress:
        findings = Findings.of(case.scene(progress=progress))
    if as_json:
        for incident in findings.incidents:
            print(json.dumps(as_document(incident)))
    else:
        for line in _story(findings):
            print(printable(line))
    sys.stdout.flush()
    print(f"case: {case.path}", file=sys.stderr)
    for path in write_into(case, [Form.HTML], findings):
        print(f"report: {path}", file=sys.stderr)
    if failures:
        raise InputError("\ntiercel: ".join(failures))


def _refuse_nothing(paths: Sequence[Path]) -> None:
    """Raise InputError, before a case is made, when none of the files can become evidence."""
    refused = []
    for path in paths:
        try:
            for file in files_of(path):
                with suppress(InputError):
                    regular(file)
                    return
            if not path.is_dir():
                regular(path)
            refused.append(f"{shown(path)}: no file in it can become evidence")
        except InputError as error:
            refused.append(str(error))
    raise InputError("\ntiercel: ".join([*refused, "no case was made"]))


def _story(findings: Findings) -> Iterator[str]:
    incidents, alerts = findings.incidents, counted(findings.scene.alerts).num_rows
    for incident in incidents:
        yield from f"{incident.number}. {incident}".splitlines()
        yield ""
    rest = len(alone(findings.scene, list(incidents)))
    count = f"{len(incidents)} {'incident' if len(incidents) == 1 else 'incidents'}"
    yield f"{count}, {alerts:,} alerts" + (f", {rest:,} of them in no incident" if rest and incidents else "")


def _place(first: Path) -> Path:
    """Return a name for the case's directory that is not taken."""
    stem = stored_name("case", Path(first.absolute().name.partition(".")[0] or "files"))
    return Path(f"{stem}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
