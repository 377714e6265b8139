"""``tiercel case report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tiercel.cli.cases import Directory, Examiner, Key
from tiercel.errors import InputError

_FORMS = ("html", "markdown", "json", "pdf", "timesketch", "navigator", "stix", "ocsf")


def register_on_case(app: typer.Typer) -> None:
    """Add the commands to the ``tiercel case`` group."""
    app.command()(report)


def report(
    directory: Directory,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format", metavar="FORMAT", help=f"One of {', '.join(_FORMS)}; repeat for more, html by default."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write one format to this file instead of into the case.")
    ] = None,
    examiner: Examiner = None,
    key: Key = None,
) -> None:
    """Verify a case and write its report into it, or, with -o, to a file."""
    from tiercel.case.case import Case
    from tiercel.cli.cases import signing
    from tiercel.report.assemble import Findings
    from tiercel.report.assemble import report as assemble
    from tiercel.report.writing import Form, custody_state, write, write_into

    chosen = list(dict.fromkeys(formats or ["html"]))
    if unknown := [name for name in chosen if name not in _FORMS]:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(_FORMS)}", param_hint="--format")
    if output is not None and len(chosen) > 1:
        raise typer.BadParameter("-o takes one format", param_hint="--format")
    case = Case.open(directory, signing(examiner, key))
    findings = Findings.of(case.scene())
    forms = [Form(name) for name in chosen]
    if output is None:
        for path in write_into(case, forms, findings):
            print(path)
        return
    try:
        write(output, forms[0], assemble(case, findings, custody_state=custody_state(case)), findings)
    except OSError as error:
        raise InputError(f"{output}: {error.strerror}; name a file that can be written") from None
