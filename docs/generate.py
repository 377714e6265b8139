"""Writes the reference pages from the code: fields, command line, configuration.

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
from tiercel.config.keys import EFFECTIVE
from tiercel.fields.catalogue import classes
from tiercel.fields.listing import signature

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
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    stale = []
    REFERENCE.mkdir(exist_ok=True)
    for name, make in (("fields", fields), ("cli", cli), ("config", config)):
        page, path = NOTE + make(), REFERENCE / f"{name}.md"
        if "--check" not in sys.argv:
            path.write_text(page)
        elif not path.exists() or path.read_text() != page:
            stale.append(path.name)
    if stale:
        sys.exit(f"docs: {', '.join(stale)} not as the code says: run `make docs`")


if __name__ == "__main__":
    main()
