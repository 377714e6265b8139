"""``tiercel rules``: check, list and show rules, list fields."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Check, list and explain rules and the fields they can use.", no_args_is_help=True)

Files = Annotated[list[Path] | None, typer.Argument(metavar="FILE", help="Rules files or folders of them.")]
Strict = Annotated[bool, typer.Option("--strict", help="Accept exactly what Falco accepts.")]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]


def _files(files: list[Path] | None) -> list[str]:
    from tiercel.content import rules_path
    from tiercel.errors import InputError
    from tiercel.rules.load import RulesFileError, expand

    try:
        found = expand(files) if files else [str(rules_path())]
    except RulesFileError as error:
        raise InputError(str(error)) from None
    if not found:
        raise InputError(f"no rules files (.yaml, .yml) in {', '.join(map(str, files or []))}")
    return found


def _load(files: list[Path] | None, strict: bool) -> Any:
    from tiercel.errors import InputError
    from tiercel.rules.check import check

    report = check(_files(files), strict=strict)
    if report.exit_code:
        if report.failure is None:
            print(report.as_text(), file=sys.stderr)
        raise InputError(report.failure or "the rules do not load")
    return report.loaded


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


@app.command()
def check(files: Files = None, strict: Strict = False, as_json: Json = False) -> None:
    """Load rules files and report every error and warning with its place.

    Exit code 1 when a file does not load. With --json the report has the keys of `falco -V`.
    """
    from tiercel.errors import InputError
    from tiercel.rules.check import check as run

    report = run(_files(files), strict=strict)
    if report.failure is not None:
        raise InputError(report.failure)
    if as_json:
        _print_json(report.as_json())
    else:
        print(report.as_text())
    if report.exit_code:
        raise typer.Exit(report.exit_code)


@app.command("list")
def list_rules(files: Files = None, strict: Strict = False, as_json: Json = False) -> None:
    """List rules with priority, whether they are enabled, and how many event types they are evaluated for."""
    loaded = _load(files, strict)
    if as_json:
        _print_json(
            [
                {
                    "name": rule.name,
                    "priority": rule.priority.label,
                    "enabled": rule.enabled,
                    "source": rule.source,
                    "tags": list(rule.tags),
                    "description": rule.desc.strip(),
                }
                for rule in loaded.rules
            ]
        )
        return
    for rule in loaded.rules:
        state = " " if rule.enabled else "-"
        print(f"{state} {rule.priority.label:<13} {rule.name}  [{', '.join(rule.tags)}]")


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="RULE", help="The rule's name.")],
    files: Files = None,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Show one rule: where it is defined, what it matches and what it prints."""
    from tiercel.errors import InputError
    from tiercel.rules.describe import describe
    from tiercel.rules.load import suggest

    loaded = _load(files, strict)
    rule = next((rule for rule in loaded.rules if rule.name == name), None)
    if rule is None:
        hint = suggest(name, [rule.name for rule in loaded.rules])
        raise InputError(f"no rule '{name}'" + (f" ({hint})" if hint else ""))
    described = describe(loaded, [name])
    if as_json:
        _print_json(described)
        return
    details = described["rules"][0]["details"]
    print(f"{rule.name}  ({rule.where.file}:{rule.where.line})")
    print(f"  {' '.join(rule.desc.split())}")
    print(f"priority   {rule.priority.label}{'' if rule.enabled else ', disabled'}")
    print(f"source     {rule.source}")
    print(f"tags       {', '.join(rule.tags)}")
    print(f"events     {', '.join(sorted(details['events']))}")
    print(f"condition  {' '.join(rule.condition_text.split())}")
    print(f"compiled   {details['condition_compiled']}")
    print(f"output     {' '.join(rule.output_text.split())}")


@app.command()
def fields(
    pattern: Annotated[
        str | None, typer.Argument(metavar="PATTERN", help="Part of a name or meaning, or a name with * in it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the fields rules can use, with type, meaning and an example."""
    from tiercel.errors import InputError
    from tiercel.fields.catalogue import classes
    from tiercel.fields.listing import matching, signature

    found = [(name, chosen) for name, _, _, all_fields in classes() if (chosen := matching(all_fields, pattern))]
    if not found:
        raise InputError(f"no field matches '{pattern}'")
    if as_json:
        _print_json(
            [
                {
                    "name": field.name,
                    "class": name,
                    "type": str(field.type),
                    "argument": field.argument.value,
                    "list": field.is_list,
                    "deprecated": field.deprecated,
                    "filter_only": field.filter_only,
                    "tiercel": field.own,
                    "summary": field.summary,
                    "example": field.example,
                }
                for name, chosen in found
                for field in chosen
            ]
        )
        return
    for name, chosen in found:
        print(f"{name}")
        for field in chosen:
            print(
                f"  {signature(field):<34} {field.type:<9} {field.summary}"
                + (f"  e.g. {field.example}" if field.example else "")
            )


@app.command()
def path() -> None:
    """Print where the rules that come with tiercel are."""
    from tiercel.content import rules_path

    print(rules_path())
