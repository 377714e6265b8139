"""``tiercel case files|network|users|pods|graph|incidents``."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from tiercel.cli.hunting import Container, Host, Pod, Since, Until
from tiercel.cli.views import Directory, Json, columns, load, show, write


def register_on_case(app: typer.Typer) -> None:
    """Add the commands to the ``tiercel case`` group."""
    for command in (files, network, users, pods, graph, incidents):
        app.command()(command)


def files(
    directory: Directory,
    since: Since = None,
    until: Until = None,
    host: Host = None,
    container: Container = None,
    pod: Pod = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also files in ordinary places, as --json prints them.")
    ] = False,
    json_lines: Json = False,
) -> None:
    """Tell which files were created, changed, moved, deleted or run, by whom, suspicious ones first."""
    from tiercel.reconstruct.views.files import files as view
    from tiercel.reconstruct.views.text_tables import render_files

    table = view(load(directory, since, until, host, container, pod))
    show(table, render_files(table, everything=everything, columns=columns()), json_lines)


def network(
    directory: Directory,
    since: Since = None,
    until: Until = None,
    host: Host = None,
    container: Container = None,
    pod: Pod = None,
    everything: Annotated[bool, typer.Option("--all", help="A line for every process, also for those alike.")] = False,
    json_lines: Json = False,
) -> None:
    """Tell who talked to whom: connections out and in, listening sockets, attempts that failed."""
    from tiercel.reconstruct.views.network import network as view
    from tiercel.reconstruct.views.text_tables import render_network

    table = view(load(directory, since, until, host, container, pod))
    show(table, render_network(table, everything=everything, columns=columns()), json_lines)


def users(
    directory: Directory,
    since: Since = None,
    until: Until = None,
    host: Host = None,
    container: Container = None,
    pod: Pod = None,
    json_lines: Json = False,
) -> None:
    """Tell who was there: users with logins and terminals, what they ran, rights they gained, alerts."""
    from tiercel.reconstruct.views.text_tables import render_users
    from tiercel.reconstruct.views.users import users as view

    table = view(load(directory, since, until, host, container, pod))
    show(table, render_users(table, columns=columns()), json_lines)


def pods(
    directory: Directory,
    since: Since = None,
    until: Until = None,
    host: Host = None,
    json_lines: Json = False,
) -> None:
    """Tell of each container and pod what entered it from outside, and what happened inside."""
    from tiercel.reconstruct.views.pods import pods as view
    from tiercel.reconstruct.views.text_tables import render_pods

    table = view(load(directory, since, until, host))
    show(table, render_pods(table, columns=columns()), json_lines)


def graph(
    directory: Directory,
    from_alert: Annotated[
        int | None, typer.Option("--from-alert", metavar="N", help="Only what led to this alert and came of it.")
    ] = None,
    form: Annotated[str, typer.Option("--format", metavar="FORMAT", help="dot, json, graphml or svg.")] = "dot",
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it there.")] = None,
    depth: Annotated[int, typer.Option(min=1, max=1000, help="Most steps away from the alert.")] = 16,
    most: Annotated[int, typer.Option(min=1, help="Most nodes around the alert.")] = 1000,
    json_lines: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Draw who acted on what: processes, files, connections and hosts as nodes, acts as edges."""
    import sys

    from tiercel.errors import InputError
    from tiercel.reconstruct.graph.provenance import graph as view
    from tiercel.reconstruct.graph.write import FORMATS
    from tiercel.reconstruct.graph.write import write as written

    form = "json" if json_lines else form
    if form not in FORMATS:
        raise typer.BadParameter(f"--format {form}: use one of {', '.join(FORMATS)}")
    found = view(load(directory), from_alert, depth=depth, most=most)
    text = written(found, form)
    if found.truncated:
        print("tiercel: the graph goes further than --depth and --most allow", file=sys.stderr)
    if output is None:
        write([text.rstrip("\n")])
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror}") from None


def incidents(directory: Directory, json_lines: Json = False) -> None:
    """Tell the incidents: alerts and acts that belong together, each as one story in order, with what it rests on."""
    from tiercel.reconstruct.incidents.find import alone, as_document
    from tiercel.reconstruct.incidents.find import incidents as view
    from tiercel.reconstruct.views.text_tables import render_incidents

    scene = load(directory)
    found = view(scene)
    if json_lines:
        write(json.dumps(as_document(incident)) for incident in found)
        return
    rules = scene.alerts["rule"].to_pylist()
    left = Counter(rules[alert] or "?" for alert in alone(scene, found))
    write(render_incidents(found, left.most_common()))
