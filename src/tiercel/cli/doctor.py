"""``tiercel doctor``: what this host supports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tiercel.doctor.examine import Examination

_WAYS = {"ebpf": "eBPF", "audit": "the audit subsystem"}


def register(app: typer.Typer) -> None:
    """Add ``doctor``."""
    app.command()(doctor)


def doctor(
    rule_files: Annotated[
        list[Path] | None, typer.Option("-r", "--rules", help="A rules file or a folder of them; repeat for more.")
    ] = None,
    config: Annotated[Path | None, typer.Option("-c", "--config", help="A falco.yaml.")] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("-o", "--option", metavar="KEY=VALUE", help="Set one key of falco.yaml; repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Say what this host supports, what is missing for `tiercel watch`, and what to do about it.

    Nothing is changed; with the privileges for it, the probe is loaded and unloaded. Exit code 0 when this process can
    watch the host, 1 when it cannot.
    """
    from tiercel.cli.delivery import state_folder
    from tiercel.doctor.examine import examine
    from tiercel.doctor.model import Subject

    subject = Subject(
        state=state_folder(),
        config_path=str(config) if config else None,
        rules=[str(file) for file in rule_files or []],
        options=options or [],
    )
    found = examine(subject)
    if as_json:
        print(json.dumps(found.as_json(), ensure_ascii=False, indent=2))
    else:
        _show(found)
    if not found.can_watch:
        raise typer.Exit(1)


def _show(found: Examination) -> None:
    from tiercel.reconstruct.wording.printable import printable

    wide = max(len(check.name) for check, _ in found.findings)
    group = ""
    for check, finding in found.findings:
        if check.group != group:
            print(f"{chr(10) if group else ''}{check.group}")
            group = check.group
        print(f"  {finding.verdict:<4}  {check.name:<{wide}}  {printable(finding.found)}")
        if finding.advice:
            print(f"{'':{wide + 10}}-> {printable(finding.advice)}")
    ways = " or ".join(_WAYS[way] for way in found.ways)
    print(f"\nThis process can watch the host with {ways}." if ways else "\nThis process cannot watch the host.")
