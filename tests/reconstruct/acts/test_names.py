"""Names that processes looked up, as acts and in the views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.reconstruct import dns_packets as dns
from tests.reconstruct.scenes import Stage, intrusion, web_container
from tests.reconstruct.stories import Scenario, acts, scene_of
from tests.reference import SHARED, needs_reference
from tiercel.capture.process import Process
from tiercel.reconstruct.graph.provenance import graph
from tiercel.reconstruct.incidents.find import incidents
from tiercel.reconstruct.incidents.phases import Phase
from tiercel.reconstruct.scene import Scene
from tiercel.reconstruct.views.network import network
from tiercel.reconstruct.views.timeline import timeline
from tiercel.replay import Replay
from tiercel.report.indicators import indicators, lookups

SERVER = ("9.9.9.9", 53)


def look_up(process: Process, name: str, *addresses: str, server: tuple[str, int] = SERVER, code: int = 0) -> None:
    """Ask for a name and take the answer, over UDP."""
    fd = process.connect(server, protocol="udp")
    process.send(fd, dns.query(name))
    process.receive(fd, dns.answer(name, *map(dns.address, addresses), code=code))
    process.close(fd)


def resolved(story: Scenario, *columns: str) -> list[Any]:
    return acts(story, *columns, kind="resolve")


def test_a_lookup_has_name_addresses_and_server() -> None:
    story = Scenario()
    look_up(story.process("/usr/bin/curl"), "Example.ORG", "203.0.113.9", "203.0.113.10")
    assert resolved(story, "object", "target", "detail", "ok", "raddr", "rport", "proto", "lport") == [
        ("example.org", "203.0.113.10, 203.0.113.9", "A", True, "9.9.9.9", 53, "udp", None)
    ]


def test_lookups_that_are_alike_are_one() -> None:
    story = Scenario()
    curl, other = story.process("/usr/bin/curl"), story.process("/usr/bin/wget")
    for process in (curl, curl, other):
        look_up(process, "example.org", "203.0.113.9")
    assert resolved(story, "name", "count") == [("curl", 2), ("wget", 1)]


def test_errors_aliases_and_what_was_cut() -> None:
    story = Scenario()
    client = story.process("/usr/bin/client")
    look_up(client, "no.example.org", code=3)
    look_up(client, "void.example.org")
    fd = client.connect(SERVER, protocol="udp")
    edge = dns.name("e.net")
    client.receive(fd, dns.answer("a.org", dns.record(dns.CNAME, edge), dns.address("203.0.113.9", edge)))
    client.receive(fd, dns.answer("many.example.org", *(dns.address(f"203.0.113.{n}") for n in range(9))))
    assert resolved(story, "object", "target", "detail", "ok", "res") == [
        ("no.example.org", None, "NXDOMAIN", False, None),
        ("void.example.org", None, "A, no such record", True, 0),
        ("a.org", "203.0.113.9", "A, CNAME e.net", True, 0),
        ("many.example.org", "203.0.113.0, 203.0.113.1", "A, answer cut", True, 0),
    ]


def test_a_question_without_an_answer_was_asked() -> None:
    story = Scenario()
    client = story.process("/usr/bin/client")
    fd = client.connect(SERVER, protocol="udp")
    client.send(fd, dns.query("lost.example.org"))
    client.send(fd, dns.query("lost.example.org"))
    client.send(fd, dns.query("found.example.org", dns.AAAA))
    client.receive(fd, dns.answer("found.example.org", dns.address("2001:db8::9"), type=dns.AAAA))
    client.send(fd, dns.query("failed.example.org"), fail="EPERM")
    assert resolved(story, "object", "target", "detail", "count") == [
        ("lost.example.org", None, "asked", 2),
        ("found.example.org", "2001:db8::9", "AAAA", 1),
    ]


def test_a_socket_that_was_never_connected() -> None:
    story = Scenario()
    client = story.process("/usr/bin/client")
    fd = client.socket(protocol="udp")
    client.send(fd, dns.query("example.org"), to=SERVER)
    client.receive(fd, dns.answer("example.org", dns.address("203.0.113.9")), sender=SERVER)
    assert resolved(story, "object", "target", "raddr") == [("example.org", "203.0.113.9", "9.9.9.9")]


def test_over_tcp_and_read_in_two_parts() -> None:
    story = Scenario()
    client = story.process("/usr/bin/client")
    fd = client.connect(SERVER)
    whole = dns.stream(dns.answer("example.org", dns.address("203.0.113.9")))
    client.send(fd, dns.stream(dns.query("example.org")))
    client.read(fd, whole[:2])
    client.read(fd, whole[2:])
    client.receive(fd, dns.stream(dns.answer("example.com", dns.address("203.0.113.10"))))
    assert resolved(story, "object", "target", "proto") == [
        ("example.org", "203.0.113.9", "tcp"),
        ("example.com", "203.0.113.10", "tcp"),
    ]


def test_a_name_server_looks_nothing_up_by_serving() -> None:
    story = Scenario()
    server = story.process("/usr/sbin/dnsmasq")
    for peer in ("10.0.0.7", "127.0.0.1"):
        fd = server.bind((peer.rpartition(".")[0] + ".53", 53), protocol="udp")
        server.receive(fd, dns.query("example.org"), sender=(peer, 40000))
        server.send(fd, dns.answer("example.org", dns.address("203.0.113.9")), to=(peer, 40000))
    assert resolved(story, "object") == []


def test_other_traffic_over_the_port_is_none() -> None:
    story = Scenario()
    client = story.process("/usr/bin/client")
    fd = client.connect(SERVER)
    client.send(fd, b"SSH-2.0-OpenSSH_9.6\r\n")
    client.receive(fd, b"\0" * 80)
    other = client.connect(("9.9.9.9", 5353), protocol="udp")
    client.send(other, dns.query("example.org"))
    assert resolved(story, "object") == []


def names_of(scene: Scene) -> dict[str, list[str]]:
    rows = network(scene).to_pylist()
    return {f"{row['name']} {row['raddr']}": row["names"] for row in rows if row["rport"] != 53}


def test_connections_have_the_names_that_were_looked_up_before() -> None:
    story = Scenario()
    box = story.container("web", image="nginx:1.25")
    inside, outside = story.process("/usr/bin/inside", container=box), story.process("/usr/bin/outside")
    inside.connect(("203.0.113.8", 443))
    look_up(outside, "late.example.org", "203.0.113.8")
    look_up(outside, "host.example.org", "203.0.113.9")
    look_up(outside, "both.example.org", "203.0.113.10")
    look_up(inside, "own.example.org", "203.0.113.10")
    inside.connect(("203.0.113.9", 443))
    inside.connect(("203.0.113.10", 443))
    outside.connect(("203.0.113.10", 443))
    assert names_of(scene_of(story)) == {
        "inside 203.0.113.8": [],
        "inside 203.0.113.9": ["host.example.org"],
        "inside 203.0.113.10": ["own.example.org"],
        "outside 203.0.113.10": ["both.example.org"],
    }


def test_timeline_and_graph_say_it() -> None:
    story = Scenario()
    client = story.process("/usr/bin/client")
    look_up(client, "c2.example.org", "203.0.113.9")
    look_up(client, "no.example.org", code=3)
    fd = client.connect(SERVER, protocol="udp")
    client.send(fd, dns.query("lost.example.org"))
    client.connect(("203.0.113.9", 443))
    scene = scene_of(story)
    told = [row["says"] for row in timeline(scene).to_pylist() if row["kind"] == "resolve"]
    assert told == [
        "looked up c2.example.org: 203.0.113.9",
        "looked up no.example.org (NXDOMAIN)",
        "looked up lost.example.org (no answer was seen)",
    ]
    notes = {row["label"]: row["notes"] for row in graph(scene).nodes.to_pylist()}
    assert notes["203.0.113.9"] == ["public address", "looked up as c2.example.org"]
    assert set(told) <= {note for found in notes.values() for note in found}


@needs_reference
def test_a_recorded_lookup_names_what_curl_then_contacted() -> None:
    scene = Scene.of(Replay(Path(SHARED / "captures/libs_curl_google/libs_curl_google.scap")))
    (found,) = [row for row in scene.acts.to_pylist() if row["kind"] == "resolve"]
    assert (found["name"], found["object"], found["target"]) == ("curl", "www.google.com", "2607:f8b0:4004:802::2004")
    assert names_of(scene)["curl 2607:f8b0:4004:802::2004"] == ["www.google.com"]


def intruder(*, contacted: bool) -> Scene:
    stage = Stage()
    init, _ = web_container(stage)
    evil = intrusion(stage, init)["evil"]
    server = {"raddr": "9.9.9.9", "rport": 53, "proto": "udp"}
    stage.act("resolve", evil, "c2.example.org", target="203.0.113.77", detail="A", **server)
    stage.act("resolve", evil, "c2.example.org", detail="AAAA, no such record", **server)
    stage.act("resolve", evil, "lost.example.org", detail="asked", **server)
    if contacted:
        stage.connect(evil, "203.0.113.77", 443)
    return stage.scene()


def test_a_story_tells_lookups() -> None:
    (incident,) = incidents(intruder(contacted=True))
    told = {sentence.text: sentence.phase for sentence in incident.story if "looked up" in sentence.text}
    assert told == {
        "evil.sh (pid 107) looked up c2.example.org: 203.0.113.77 (AAAA, no such record).": Phase.CONTROL,
        "evil.sh (pid 107) looked up lost.example.org (no answer was seen).": Phase.EXECUTION,
    }


def test_a_lookup_alone_is_no_command_and_control() -> None:
    (incident,) = incidents(intruder(contacted=False))
    assert {s.phase for s in incident.story if "looked up" in s.text} == {Phase.EXECUTION}


def test_names_that_processes_of_an_incident_looked_up_are_indicators() -> None:
    scene = intruder(contacted=False)
    (incident,) = incidents(scene)
    found = indicators([], [], [], frozenset(incident.acts), lookups(scene, incident.processes))
    assert [(one.kind, one.value, one.because) for one in found] == [
        (
            "domain",
            "c2.example.org",
            "evil.sh: looked up c2.example.org: 203.0.113.77 and looked up c2.example.org (AAAA, no such record)",
        ),
        ("domain", "lost.example.org", "evil.sh: looked up lost.example.org (no answer was seen)"),
    ]
    assert lookups(scene, []) == []


def test_an_alert_about_a_question_is_about_what_was_sent(tmp_path: Path) -> None:
    story = Scenario()
    look_up(story.process("/usr/bin/client"), "c2.example.org", "203.0.113.9")
    ((num, ts),) = acts(story, "num", "ts", kind="send")
    story.write(tmp_path / "story.scap")
    alert = {"rule": "Asked", "priority": "Warning", "num": num, "ts": ts, "output": ""}
    scene = Scene.of(Replay(tmp_path / "story.scap"), pa.Table.from_pylist([alert]))
    (about,) = scene.alerts["act"].to_pylist()
    assert scene.acts["kind"][about].as_py() == "send"
    assert scene.acts["kind"].to_pylist().count("resolve") == 1
