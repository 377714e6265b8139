"""The provenance graph, and following it from an alert."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET

import pytest

from tests.reconstruct.scenes import WEB, Stage, attacked, intrusion, web_container
from tiercel.errors import InputError
from tiercel.reconstruct.graph.provenance import EDGES, NODES, Graph, graph
from tiercel.reconstruct.graph.write import to_dot, to_graphml, to_json, write

_GRAPHML = "{http://graphml.graphdrawing.org/xmlns}"


def labels(found: Graph) -> set[str]:
    return {node.label for node in found.node_by_id.values()}


def told(found: Graph) -> set[tuple[str, str, str]]:
    """Edges as (label of the source without its pid, kind, label of the target without its pid)."""
    names = {id: node.label.split(" (")[0] for id, node in found.node_by_id.items()}
    return {(names[edge.source], edge.kind, names[edge.target]) for edge in found.edge_by_key.values()}


def test_an_alert_leads_back_to_where_it_came_from() -> None:
    scene, _ = attacked()
    critical = next(row["alert"] for row in scene.alerts.to_pylist() if row["priority"] == "Critical")
    found = graph(scene, critical)
    assert {
        ("/tmp/.b", "exec", ".b"),
        ("cp", "create", "/tmp/.b"),
        ("chmod", "chmod", "/tmp/.b"),
        ("/tmp/evil.sh", "exec", "evil.sh"),
        ("curl", "create", "/tmp/evil.sh"),
        ("203.0.113.9:80", "receive", "curl"),
        ("runc", "fork", "bash"),
        ("Drop and execute new binary in container", "about", ".b"),
    } <= told(found)
    assert ("/bin/bash", "read", "cp") in told(found)
    assert not any(label.startswith(("gcc", "hello", "sh (", "/var/log/")) for label in labels(found))
    assert not found.truncated


def test_an_alert_leads_on_to_what_came_of_it() -> None:
    scene, _ = attacked()
    found = told(graph(scene, 0))  # the shell in the container
    assert ("bash", "fork", "curl") in found
    assert ("rm", "delete", "/tmp/evil.sh") in found
    assert ("evil.sh", "connect", "203.0.113.9:4444") in found
    assert ("203.0.113.9:4444", "at", "203.0.113.9") in found
    assert (WEB, "entered", "bash") in found


def test_an_alert_about_a_file_leads_back_to_who_wrote_it() -> None:
    scene, _ = attacked()
    setuid = scene.alerts["rule"].to_pylist().index("Set Setuid or Setgid bit")
    assert {("cp", "create", "/tmp/.b"), ("/bin/bash", "read", "cp")} <= told(graph(scene, setuid))


def test_time_is_respected() -> None:
    stage = Stage()
    shell = stage.process("bash")
    early, writer, late = (stage.run(name, shell) for name in ("early", "writer", "late"))
    stage.act("open_read", early, "/tmp/x")
    stage.act("create", writer, "/tmp/x")
    read = stage.act("open_read", late, "/tmp/x")
    stage.act("write", writer, "/tmp/later")
    stage.alert("Read", read)
    found = labels(graph(stage.scene(), 0))
    assert {"writer (102)", "late (103)", "/tmp/x"} <= found
    assert not {"early (101)", "/tmp/later"} & found


def test_files_every_program_uses_join_nothing() -> None:
    stage = Stage()
    shell = stage.process("bash")
    other, victim = stage.run("apt", shell), stage.run("victim", shell)
    for path in ("/etc/ld.so.cache", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/dev/null", "/var/log/all.log"):
        stage.act("write", other, path)
        stage.act("open_read", victim, path)
    stage.alert("Odd", stage.act("open_read", victim, "/etc/shadow"))
    assert not any(label.startswith("apt") for label in labels(graph(stage.scene(), 0)))


def test_a_connection_within_the_scene_has_both_ends() -> None:
    stage = Stage()
    init = stage.process("systemd", pid=1)
    server, client, other = (stage.run(name, init) for name in ("server", "client", "other"))
    stage.connect(client, "127.0.0.1", 8080, 40001)
    there = {"laddr": "127.0.0.1", "lport": 8080, "raddr": "127.0.0.1", "rport": 40001, "proto": "tcp"}
    stage.act("accept", server, "", **there)
    stage.act("open_read", server, "/srv/payload")
    stage.act("send", server, "", **there, bytes=10)
    got = stage.connect(client, "127.0.0.1", 8080, 40001, kind="receive", bytes=10)
    stage.connect(other, "127.0.0.1", 8080, 40002)
    stage.alert("Download", got)
    found = told(graph(stage.scene(), 0))
    assert ("server", "send", "127.0.0.1:8080 - 127.0.0.1:40001") in found or (
        "server",
        "send",
        "127.0.0.1:40001 - 127.0.0.1:8080",
    ) in found
    assert not any(source == "other" for source, _, _ in found)


def test_limits_are_told() -> None:
    scene, _ = attacked()
    assert graph(scene, 0, most=5).truncated
    assert len(graph(scene, 0, most=5).node_by_id) <= 8  # containers and alerts of what was found come on top
    assert graph(scene, 0, depth=1).truncated


def test_no_such_alert() -> None:
    with pytest.raises(InputError, match="no alert 99: they are numbered 0 to 4"):
        graph(attacked()[0], 99)
    with pytest.raises(InputError, match="there are none"):
        graph(Stage().scene(), 0)


def test_nodes_and_edges_are_tables() -> None:
    whole = graph(attacked()[0])
    assert whole.nodes.schema.equals(NODES)
    assert whole.edges.schema.equals(EDGES)
    assert set(whole.edges["source"].to_pylist()) <= set(whole.nodes["id"].to_pylist())
    failed = [edge for edge in whole.edges.to_pylist() if not edge["ok"]]
    assert [edge["kind"] for edge in failed if edge["kind"] != "at"] == ["connect"]


def hostile() -> Graph:
    stage = Stage()
    init, _ = web_container(stage)
    intrusion(stage, init)
    name = 'x"];\n}\\ <script>alert(1)</script>&\x01\u202e'
    row = stage.run(name, init, f"{name} --\x00")
    stage.act("create", row, f"/tmp/{name}")
    return graph(stage.scene())


def test_dot_holds_whatever_evidence_says_as_text() -> None:
    text = to_dot(hostile())
    assert text.count("\n}\n") == 1
    assert all(ord(character) >= 32 or character == "\n" for character in text)
    if shutil.which("dot"):
        drawn = write(hostile(), "svg")
        assert "<script>" not in drawn
        ET.fromstring(drawn)


def test_graphml_is_sound_xml_that_holds_every_node_and_edge() -> None:
    found = hostile()
    root = ET.fromstring(to_graphml(found))
    assert len(root.findall(f".//{_GRAPHML}node")) == len(found.node_by_id)
    assert len(root.findall(f".//{_GRAPHML}edge")) == len(found.edge_by_key)
    declared = {key.get("id") for key in root.findall(f"{_GRAPHML}key")}
    assert {data.get("key") for data in root.iter(f"{_GRAPHML}data")} <= declared
    assert any("<script>" in (data.text or "") for data in root.iter(f"{_GRAPHML}data"))


def test_json_is_a_node_link_document() -> None:
    document = json.loads(to_json(hostile()))
    ids = {node["id"] for node in document["nodes"]}
    assert all(link["source"] in ids and link["target"] in ids for link in document["links"])
    assert document["directed"] is True


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(InputError, match="use one of dot, json, graphml, svg"):
        write(Graph(), "png")
