"""``tiercel hunt``, ``sql`` and ``backtest``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tiercel.detect import Detection
    from tiercel.hunt.backtest import Backtest, Tested

_FEW_ALERTS = 3  # which tell more than what they have in common

Target = Annotated[Path, typer.Argument(metavar="TARGET", help="A case or a store.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Config = Annotated[Path | None, typer.Option("-c", "--config", help="A falco.yaml.")]
Options = Annotated[
    list[str] | None, typer.Option("-o", "--option", metavar="KEY=VALUE", help="Set one key of falco.yaml; repeatable.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Accept exactly what Falco accepts.")]
AllMatches = Annotated[
    bool, typer.Option("--all-matches", help="Every rule that matches an event, not only the first.")
]
Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="From then on: 2026-01-31T12:00 (UTC), -2h (before the newest event), seconds."),
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Before then.")]
Host = Annotated[str | None, typer.Option(metavar="NAME", help="Only this host.")]
Container = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only this container: its name, or how its id begins.")
]
Pod = Annotated[str | None, typer.Option(metavar="NAME", help="Only this pod: its name, or namespace/name.")]
EvidenceId = Annotated[str | None, typer.Option("--evidence", metavar="ID", help="Only from this evidence.")]
Workers = Annotated[
    int | None, typer.Option(min=1, max=256, help="Processes; by default as many as there are processors.")
]


def hunt(
    target: Target,
    condition: Annotated[
        str | None, typer.Argument(metavar="FILTER", help="A condition, as in a rule; all events without one.")
    ] = None,
    rule_files: Annotated[
        list[Path] | None,
        typer.Option("-r", "--rules", help="Rules to print the alerts of: a file or folder; repeatable."),
    ] = None,
    since: Since = None,
    until: Until = None,
    host: Host = None,
    container: Container = None,
    pod: Pod = None,
    evidence: EvidenceId = None,
    template: Annotated[
        str | None, typer.Option("-p", "--print", metavar="FORMAT", help="What to print: a Falco output template.")
    ] = None,
    json_lines: Json = False,
    all_matches: AllMatches = False,
    count: Annotated[bool, typer.Option("--count", help="Only how many there are, by rule.")] = False,
    workers: Workers = None,
    config: Config = None,
    options: Options = None,
    strict: Strict = False,
) -> None:
    """Look for events in a case or store: by a condition, or by rules.

    A condition prints events as `tiercel events` does; rules print alerts as `tiercel scan` does, about events for
    which the condition holds where one is given.
    """
    from tiercel.cli.results import results
    from tiercel.errors import InputError
    from tiercel.hunt import start
    from tiercel.hunt.hunting import Hunt, Wanted
    from tiercel.hunt.names import check_names
    from tiercel.hunt.search import EventSearch, RuleSearch
    from tiercel.store.store import Store

    store = Store.open(target)
    selection = start.select(store, since, until, host, container, pod, evidence)
    node = start.compile_filter(condition, strict)
    search: RuleSearch | EventSearch
    if rule_files or config is not None or options:
        if template is not None:
            raise typer.BadParameter("-p goes with a condition; the output of rules stands in the rules")
        detection = _load(rule_files or [], config, options or [], json_lines, all_matches, strict)
        search = start.rule_search(detection, node, selection)
    else:
        search = EventSearch(node, start.compile_template(template, strict), json_lines, selection.node())
    found = Hunt(store, search, selection, Wanted.COUNTS if count else Wanted.LINES, workers)
    if not found.segments:
        check_names(store, host, container, pod, evidence)
    out = results()
    if count:
        _print_counts(found.count(), json_lines)
    else:
        for lines in found.lines():
            out.write(lines)
    out.flush()
    sys.stdout.flush()
    if found.failures:
        raise InputError("\ntiercel: ".join(found.failures))


def sql(
    target: Target,
    query: Annotated[str | None, typer.Argument(metavar="QUERY", help="One SELECT, in DuckDB's SQL.")] = None,
    json_lines: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="CSV with the names of the columns first.")] = False,
    views: Annotated[bool, typer.Option("--views", help="List the views and their columns.")] = False,
) -> None:
    """Query a case or store with SQL.

    Without a query the views are listed. The query sees the store alone and cannot change it.
    """
    import duckdb
    import pyarrow as pa

    from tiercel.cli.results import results
    from tiercel.errors import InputError
    from tiercel.hunt.printing import FORMS
    from tiercel.hunt.query import Queries, explained
    from tiercel.store.store import Store

    if json_lines and csv:
        raise typer.BadParameter("--json and --csv exclude each other")
    out = results()
    store = Store.open(target)
    if query is None or views:
        _print_views(json_lines)
        return
    form = FORMS["json" if json_lines else "csv" if csv else "table"]
    with Queries(store) as queries:
        try:
            for text in form(queries.run(query)):
                out.write(text.encode("utf-8", "replace"))
        except BrokenPipeError:
            raise
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            out.flush()
            raise InputError(explained(error)) from None
    out.flush()


def backtest(
    paths: Annotated[
        list[Path], typer.Argument(metavar="RULES... TARGET", help="Rules files or folders, then a case or a store.")
    ],
    against: Annotated[list[Path] | None, typer.Option("--against", help="The rules they replace; repeatable.")] = None,
    since: Since = None,
    until: Until = None,
    host: Host = None,
    container: Container = None,
    pod: Pod = None,
    evidence: EvidenceId = None,
    json_lines: Json = False,
    samples: Annotated[int, typer.Option(min=0, max=1000, help="Alerts to show of each rule.")] = 3,
    all_matches: AllMatches = False,
    workers: Workers = None,
    config: Config = None,
    options: Options = None,
    strict: Strict = False,
) -> None:
    """Say what rules would have raised over a case or store, and what a change of rules adds and removes."""
    from tiercel.cli.progress import counting
    from tiercel.errors import InputError
    from tiercel.hunt import start
    from tiercel.hunt.backtest import Backtest
    from tiercel.hunt.names import check_names
    from tiercel.store.store import Store

    *rule_files, target = paths
    store = Store.open(target)
    selection = start.select(store, since, until, host, container, pod, evidence)
    if not rule_files:
        raise typer.BadParameter("name the rules to test, then the case or store")
    new = _load(rule_files, config, options or [], json_lines, all_matches, strict)
    old = _load(against, config, options or [], json_lines, all_matches, strict) if against else None
    test = Backtest(store, new, old, selection, samples, workers)
    if not test.segments:
        check_names(store, host, container, pod, evidence)
    with counting("store") as progress:
        tested = test.run(progress)
    for entry in tested:
        if json_lines:
            print(json.dumps(_as_json(entry)))
        elif entry.alerts or entry.before:
            print("\n".join(_as_text(entry)))
    if not json_lines:
        _print_summary(test, tested)
    sys.stdout.flush()
    if test.failures:
        raise InputError("\ntiercel: ".join(test.failures))


def _load(
    files: list[Path], config: Path | None, options: list[str], json_lines: bool, every: bool, strict: bool
) -> Detection:
    """Load rules, saying what is wrong or doubtful about them."""
    from tiercel.cli.scan import tell
    from tiercel.errors import InputError
    from tiercel.scanning import prepare

    # only to be turned on: the configuration may ask for JSON too
    as_json = True if json_lines else None
    scan = prepare([], files, config=config, options=options, json=as_json, every=every, strict=strict)
    tell(scan)
    if scan.detection is None:
        raise InputError(scan.report.failure or "the rules do not load: mend the errors above")
    return scan.detection


def _print_counts(counts: dict[str, int], as_json: bool) -> None:
    """Print how many were found by rule; without rules there is one number, under the empty name."""
    if set(counts) <= {""}:
        total = sum(counts.values())
        print(json.dumps({"count": total}) if as_json else total)
        return
    for name, number in counts.items():
        print(json.dumps({"rule": name, "count": number}) if as_json else f"{number:>9}  {name}")


def _print_views(as_json: bool) -> None:
    from tiercel.hunt.views import VIEWS

    for view in VIEWS.values():
        if as_json:
            columns = [{"name": column.name, "type": column.type, "text": column.doc} for column in view.columns]
            print(json.dumps({"view": view.name, "text": view.doc, "columns": columns}))
            continue
        print(f"{view.name}: {view.doc}")
        for column in view.columns:
            print(f"  {column.name:<16} {column.type:<12} {column.doc}")


def _as_json(entry: Tested) -> dict[str, Any]:
    document: dict[str, Any] = {"rule": entry.rule, "priority": entry.priority, "alerts": entry.alerts}
    samples: dict[str, list[str]] = {"alerts": entry.samples}
    if entry.before is not None:
        document |= {"before": entry.before, "added": entry.added, "removed": entry.removed}
        document |= {"unchanged": entry.unchanged, "change": entry.change, "changed": list(entry.changed)}
        samples |= {"added": entry.added_samples, "removed": entry.removed_samples}
    document["samples"] = samples
    document["noise"] = [
        {"field": share.field, "value": share.value, "alerts": share.alerts, "share": round(share.share, 4)}
        for share in entry.noise
    ]
    return document


def _as_text(entry: Tested) -> list[str]:
    """Return the lines about one rule: its alerts, samples of them, and what most have in common."""
    from tiercel.hunt.printing import visible

    how = ""
    if entry.before is not None:
        how = f"  (was {entry.before:,}: {entry.added:,} added, {entry.removed:,} removed)"
        if entry.change != "same":
            how += f"  rule {entry.change}" + (f": {', '.join(entry.changed)}" if entry.changed else "")
    lines = [f"{entry.alerts:>9,}  {entry.rule} [{entry.priority}]{how}"]
    if entry.before is None:
        lines += [f"{'':11}{visible(line)}" for line in entry.samples]
    else:
        lines += [f"{'':11}+ {visible(line)}" for line in entry.added_samples]
        lines += [f"{'':11}- {visible(line)}" for line in entry.removed_samples]
    fields: dict[str, list[str]] = {}
    for share in entry.noise:
        fields.setdefault(share.field, []).append(f"{visible(share.value)[:80]} {share.share:.0%}")
    if entry.alerts >= _FEW_ALERTS:
        lines += [f"{'':11}{name}: {', '.join(values)}" for name, values in list(fields.items())[:5]]
    return lines


def _print_summary(test: Backtest, tested: list[Tested]) -> None:
    events = sum(segment.manifest.rows.get("events", 0) for segment in test.segments)
    alerts = sum(entry.alerts for entry in tested)
    silent = sum(1 for entry in tested if not entry.alerts)
    print(f"{alerts:>9,}  alerts of {len(tested):,} rules over {events:,} events; {silent:,} rules raised none")
    if test.old is not None:
        added, removed = sum(entry.added for entry in tested), sum(entry.removed for entry in tested)
        print(f"{'':11}{added:,} alerts added, {removed:,} removed")
        for change in ("added", "removed", "changed"):
            if names := [entry.rule for entry in tested if entry.change == change]:
                print(f"{'':11}rules {change}: {', '.join(names)}")


def register(app: typer.Typer) -> None:
    """Add the commands to the top-level ``tiercel`` app."""
    for command in (hunt, sql, backtest):
        app.command()(command)
