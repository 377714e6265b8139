"""Writes the reference pages from the code: fields, command line, configuration, store, views of SQL and of cases.

python docs/generate.py          write docs/reference/
python docs/generate.py --check  exit 1 when a page is not what the code says
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from tiercel.cli.main import app
from tiercel.config.keys import EFFECTIVE, OWN
from tiercel.fields.catalogue import classes
from tiercel.fields.listing import signature
from tiercel.hunt import views
from tiercel.reconstruct import schema
from tiercel.reconstruct.incidents import model as incidents_model
from tiercel.reconstruct.views import files, network, pods, timeline, users
from tiercel.reconstruct.views import tree as process_tree
from tiercel.store import schema as store_schema

REFERENCE = Path(__file__).parent / "reference"
NOTE = "<!-- Made by docs/generate.py; edit the code instead. -->\n\n"


def cell(text: str) -> str:
    """Return a text as it stands in a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ").strip()


def fields() -> str:
    """Return the page of all fields."""
    lines = ["# Fields\n", "What conditions and output templates can ask of an event.\n"]
    for name, description, _, members in classes():
        listed = [field for field in members if not field.unlisted]
        if not listed:
            continue
        own = all(field.own for field in listed)
        lines.append(f"\n## {name}{' (of tiercel)' if own else ''}\n\n{description}\n")
        lines.append("| field | type | meaning | example |\n|---|---|---|---|")
        for field in listed:
            marks = [
                word
                for word, given in (
                    ("list", field.is_list),
                    ("conditions only", field.filter_only),
                    ("deprecated", field.deprecated),
                )
                if given
            ]
            meaning = field.summary + (f" *({', '.join(marks)})*" if marks else "")
            example = f"`{field.example}`" if field.example else ""
            lines.append(f"| `{signature(field)}` | {field.type} | {cell(meaning)} | {cell(example)} |")
    return "\n".join(lines) + "\n"


def commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command under a group with its full name."""
    for name, sub in getattr(command, "commands", {}).items():
        if hasattr(sub, "commands"):
            yield from commands(sub, (*path, name))
        else:
            yield (*path, name), sub


def cli() -> str:
    """Return the page of all commands."""
    lines = [
        "# Command line\n",
        "Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 bad input, 2 usage.\n",
    ]
    for path, command in commands(typer.main.get_command(app), ("tiercel",)):
        context = command.make_context(" ".join(path), [], resilient_parsing=True)
        lines.append(f"\n## {' '.join(path)}\n\n```text\n{command.get_help(context)}\n```")
    return "\n".join(lines) + "\n"


def config() -> str:
    """Return the page of the configuration keys that have an effect."""
    lines = [
        "# Configuration\n",
        "`-c FILE` reads a `falco.yaml`, `-o key=value` sets one key with Falco's dotted paths (`a.b`, `list[0]`,",
        "`list[]` to append). These keys have an effect; others that Falco knows are named when given, and so are",
        "unknown ones.\n",
        *(f"- `{key}`" for key in sorted(EFFECTIVE)),
        "\nKeys of tiercel's own, which Falco does not have:\n",
        *(f"- `{key}`" for key in sorted(OWN)),
    ]
    return "\n".join(lines) + "\n"


TABLES = (
    ("processes", schema.PROCESSES, "`Scene.processes`: one row for each life of a process."),
    ("acts", schema.ACTS, "`Scene.acts`: what processes did that matters to security, in order."),
    ("alerts", schema.ALERTS, "`Scene.alerts`: alerts, tied to processes and acts."),
    ("timeline", timeline.TIMELINE, "`timeline(scene)`: acts and alerts in order, noise collapsed."),
    ("tree", process_tree.TREE, "`tree(scene)`: processes, each after its parent."),
    ("files", files.FILES, "`files(scene)`: what was changed, suspicious places first."),
    ("network", network.NETWORK_VIEW, "`network(scene)`: who talked to whom."),
    ("users", users.USERS, "`users(scene)`: who worked, and what rights they gained."),
    ("pods", pods.PODS, "`pods(scene)`: containers and what entered them."),
    ("incidents", incidents_model.INCIDENTS, "`incidents_table(incidents(scene))`: what belongs together."),
)


def scene() -> str:
    """Return the page of the tables that reconstruction gives."""
    lines = [
        "# Tables of a reconstruction\n",
        "Arrow tables: pandas, Polars and DuckDB take them as they are. Times are ns since the epoch, rows refer to",
        "each other by number.\n",
    ]
    for name, table, about in TABLES:
        lines += [f"\n## {name}\n", f"{about}\n", "| column | type | meaning |\n|---|---|---|"]
        for column in table:
            meaning = (column.metadata or {}).get(b"doc", b"").decode()
            lines.append(f"| `{column.name}` | {cell(_type(column.type))} | {cell(meaning)} |")
    return "\n".join(lines) + "\n"


def _type(type_: Any) -> str:
    text = str(type_)
    return text if len(text) < 40 else text.partition("<")[0] + "<…>"


def main() -> None:
    stale = []
    REFERENCE.mkdir(exist_ok=True)
    pages = {
        "fields": fields,
        "cli": cli,
        "config": config,
        "store": store_schema.document,
        "sql": views.document,
        "scene": scene,
    }
    for name, make in pages.items():
        page, path = NOTE + make(), REFERENCE / f"{name}.md"
        if "--check" not in sys.argv:
            path.write_text(page)
        elif not path.exists() or path.read_text() != page:
            stale.append(path.name)
    if stale:
        sys.exit(f"docs: {', '.join(stale)} not as the code says: run `make docs`")


if __name__ == "__main__":
    main()
