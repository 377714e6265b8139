"""The views of recorded captures against what was done while they were recorded."""

from __future__ import annotations

import pytest

from tests.reconstruct.recorded import ground_truth, recorded
from tests.reference import needs_reference
from tiercel.reconstruct.graph.provenance import graph
from tiercel.reconstruct.lineage import Lineage
from tiercel.reconstruct.views.files import files
from tiercel.reconstruct.views.network import network
from tiercel.reconstruct.views.pods import pods
from tiercel.reconstruct.views.users import users

ATTACKS = ["a-seed-webshell", "e-noisy-mixture"]


@needs_reference
@pytest.mark.parametrize("name", ATTACKS)
def test_the_gravest_files_are_those_of_the_attack(name: str) -> None:
    rows = {row["path"]: row for row in files(recorded(name)).to_pylist()}
    grave = {path for path, row in rows.items() if row["weight"] >= 4}
    assert grave == {"/etc/cron.d/x", "/tmp/.b", "/tmp/evil.sh"}
    assert next(iter(rows)) in grave
    assert rows["/tmp/.b"]["exists"] is True
    assert rows["/tmp/evil.sh"]["exists"] is False
    assert rows["/tmp/.s"]["bytes"] == 221
    assert "bash → evil.sh → cp" in rows["/tmp/.b"]["chains"]


@needs_reference
def test_benign_work_changes_no_grave_file() -> None:
    assert max(files(recorded("c-benign"))["weight"].to_pylist()) <= 3


@needs_reference
@pytest.mark.parametrize("name", ATTACKS)
def test_the_connections_of_the_attack(name: str) -> None:
    container = ground_truth(name)["container_id"]
    rows = network(recorded(name), container=container).to_pylist()
    refused = [row for row in rows if row["failed"]]
    assert [(row["raddr"], row["rport"]) for row in refused] == [("127.0.0.1", 4444)]
    assert refused[0]["chain"] == "bash → evil.sh"
    download = next(row for row in rows if row["chain"] == "bash → curl")
    assert (download["sent"], download["received"]) == (85, 555)


@needs_reference
@pytest.mark.parametrize("name", ATTACKS)
def test_what_entered_the_container(name: str) -> None:
    (row,) = pods(recorded(name)).to_pylist()
    assert row["container"] == ground_truth(name)["container_id"]
    how = [entry.split(" (pid")[0] for entry in row["entries"]]
    into = "exec into the container"
    assert how == ["start of the container: nginx", *[f"{into}: curl"] * 3, f"{into}: bash", f"{into}: ls"]
    attacker = users(recorded(name)).to_pylist()[0]
    assert (attacker["container"], attacker["tty"], attacker["processes"]) == (row["container"], 34816, 11)


@needs_reference
@pytest.mark.parametrize("name", ATTACKS)
def test_the_graph_of_an_alert_holds_the_attack_and_what_let_it_in(name: str) -> None:
    scene = recorded(name)
    dropped = scene.alerts["rule"].to_pylist().index("Drop and execute new binary in container")
    found = graph(scene, dropped)
    lineage = Lineage(scene.processes)
    shell = next(row for row in range(lineage.count) if lineage.name[row] == "bash" and lineage.container[row])
    session, above = set(lineage.descendants(shell)), set(lineage.ancestors(shell))
    rows = {node.row for node in found.node_by_id.values() if node.kind == "process"}
    others = {lineage.name[row] for row in rows - session - above if row is not None}
    assert others <= {"nginx", "runc"}  # the server of the download, and what started it
    labels = {node.label for node in found.node_by_id.values()}
    assert {"/tmp/.b", "/tmp/evil.sh", "/bin/bash"} <= labels
    assert not found.truncated
