"""The ``tiercel`` command."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from tiercel.cli import case, cases, doctor, findings, hunting, record, reporting, rules, views, watch
from tiercel.cli.extra import missing
from tiercel.errors import InputError
from tiercel.reconstruct.wording.printable import printable

app = typer.Typer(
    name="tiercel",
    help="Falco-compatible runtime detection and forensics for Linux, containers and Kubernetes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # the plain help starts faster
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(rules.app, name="rules")
app.add_typer(case.app, name="case")

Paths = Annotated[list[Path] | None, typer.Argument(metavar="PATH", help="Captures (.scap, plain, gzip or zstd).")]
Rules = Annotated[
    list[Path] | None,
    typer.Option("-r", "--rules", help="A rules file or a folder of them; repeat for more, later ones override."),
]
Config = Annotated[Path | None, typer.Option("-c", "--config", help="A falco.yaml.")]
Options = Annotated[
    list[str] | None, typer.Option("-o", "--option", metavar="KEY=VALUE", help="Set one key of falco.yaml; repeatable.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Accept exactly what Falco accepts.")]


@app.command()
def scan(
    paths: Paths = None,
    rule_files: Rules = None,
    config: Config = None,
    options: Options = None,
    json_lines: Annotated[bool | None, typer.Option("--json/--text", help="Alerts as JSON or text.")] = None,
    all_matches: Annotated[
        bool, typer.Option("--all-matches", help="Every rule that matches an event, not only the first.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say under each alert which conditions held, with which values.")
    ] = False,
    stats: Annotated[bool, typer.Option("--stats", help="Totals by rule and priority, on stderr.")] = False,
    strict: Strict = False,
    no_rules: Annotated[bool, typer.Option("--no-rules", help="Only read and track, to check a file.")] = False,
) -> None:
    """Replay captures through rules and print the alerts Falco would raise.

    Without -r the rules that come with tiercel are used. Exit code 1 when a rule does not load or a capture is damaged;
    what could be read before the damage has been evaluated.
    """
    from tiercel.cli.scan import ScanOptions, run

    run(
        ScanOptions(
            paths=paths or [],
            rules=rule_files or [],
            config=config,
            options=options or [],
            json=json_lines,
            every=all_matches,
            explain=explain,
            stats=stats,
            strict=strict,
            no_rules=no_rules,
        )
    )


@app.command()
def events(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A capture (.scap, plain, gzip or zstd).")],
    condition: Annotated[
        str | None, typer.Argument(metavar="FILTER", help="A condition, as in a rule; all events without one.")
    ] = None,
    template: Annotated[
        str | None, typer.Option("-p", "--print", metavar="FORMAT", help="What to print: a Falco output template.")
    ] = None,
    json_lines: Annotated[
        bool, typer.Option("--json", help="The template's fields as one JSON object a line.")
    ] = False,
    alerts: Annotated[
        bool, typer.Option("--alerts", help="Instead, the alerts that a capture written around alerts carries.")
    ] = False,
    strict: Strict = False,
) -> None:
    """Print the events of a capture, one a line."""
    if alerts:
        from tiercel.cli.capturing import print_alerts

        return print_alerts(path)
    from tiercel.cli.events import run

    run(path, condition, template, json_lines, strict)


for commands in (hunting, cases, watch, record, doctor):
    commands.register(app)
for commands in (cases, views, findings, reporting):
    commands.register_on_case(case.app)


def version(value: bool) -> None:
    if value:
        from tiercel import __version__

        print(f"tiercel {__version__}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Print the version and exit.")
    ] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Log what is done, on stderr.")] = False,
) -> None:
    import logging

    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="tiercel: %(message)s", stream=sys.stderr
    )


def _say(message: str) -> None:
    """Print an error: the names of files in it are of whoever made them."""
    print("\n".join(map(printable, f"tiercel: {message}".split("\n"))), file=sys.stderr)


def main() -> None:
    """Run the command; errors a user can mend end it with one line and exit code 1."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy would start a thread for each core, for nothing
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # evidence holds characters that a terminal may not know
    try:
        app()
    except InputError as error:
        _say(str(error))
        sys.exit(1)
    except ModuleNotFoundError as error:
        if (advice := missing(error)) is None:
            raise
        _say(advice)
        sys.exit(1)
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _say(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
