"""Acts on sockets: who connected where, how it went, how much was said."""

from __future__ import annotations

from tests.reconstruct.stories import Scenario, acts

SERVER = ("203.0.113.9", 443)


def test_a_connection_has_ends_and_bytes() -> None:
    story = Scenario()
    client = story.process("/usr/bin/client")
    fd = client.connect(SERVER)
    client.send(fd, b"x" * 100)
    client.receive(fd, b"y" * 2000)
    connected, sent, received = acts(story, "kind", "laddr", "raddr", "rport", "proto", "bytes")
    assert connected == ("connect", "10.0.0.5", "203.0.113.9", 443, "tcp", None)
    assert sent == ("send", "10.0.0.5", "203.0.113.9", 443, "tcp", 100)
    assert received == ("receive", "10.0.0.5", "203.0.113.9", 443, "tcp", 2000)


def test_how_connecting_can_go() -> None:
    story = Scenario()
    client = story.process("/usr/bin/client")
    client.connect(SERVER, fail="ECONNREFUSED")
    client.connect(SERVER, fail="EINPROGRESS")
    client.connect(("2001:db8::1", 80), fail="ENETUNREACH")
    client.connect("/run/nscd/socket", fail="ENOENT")
    client.connect("/run/docker.sock", fail="EACCES")
    client.connect("/run/dbus.sock")
    assert acts(story, "raddr", "object", "detail", "ok", "proto")[0] == (
        "203.0.113.9",
        "203.0.113.9:443",
        "ECONNREFUSED",
        False,
        "tcp",  # as it was made, for it was never connected
    )
    assert acts(story, "detail", "ok", "proto")[1:] == [
        ("EINPROGRESS", True, "tcp"),
        ("ENETUNREACH", False, "tcp"),
        ("EACCES", False, "unix"),
        (None, True, "unix"),
    ]
    assert acts(story, "object")[2:] == ["2001:db8::1:80", "/run/docker.sock", "/run/dbus.sock"]


def test_a_server_sees_the_other_side() -> None:
    story = Scenario()
    server = story.process("/usr/sbin/server")
    listening = server.listen(("0.0.0.0", 8080))
    conversation = server.accept(listening, ("198.51.100.7", 50000))
    server.receive(conversation, b"hello")
    assert acts(story, "kind", "object", "lport", "raddr", "rport") == [
        ("bind", "0.0.0.0:8080", 8080, None, None),
        ("listen", "0.0.0.0:8080", 8080, None, None),
        ("accept", "198.51.100.7:50000->10.0.0.5:8080", 8080, "198.51.100.7", 50000),
        ("receive", "198.51.100.7:50000->10.0.0.5:8080", 8080, "198.51.100.7", 50000),
    ]


def test_a_shell_tied_to_a_connection() -> None:
    story = Scenario()
    shell = story.process("/bin/sh")
    fd = shell.connect(SERVER)
    log = shell.open("/tmp/log", "O_WRONLY|O_CREAT")
    for new in (0, 1, 2):
        shell.dup2(fd, new)
    shell.dup2(log, 1)
    assert acts(story, "detail", "raddr", kind="redirect") == [
        ("stdin", "203.0.113.9"),
        ("stdout", "203.0.113.9"),
        ("stderr", "203.0.113.9"),
    ]


def test_datagrams() -> None:
    story = Scenario()
    client = story.process("/usr/bin/client")
    fd = client.connect(("9.9.9.9", 53), protocol="udp")
    client.send(fd, b"query")
    assert acts(story, "kind", "proto", "rport") == [("connect", "udp", 53), ("send", "udp", 53)]


def test_addresses_of_another_family_or_cut_short_are_passed_over() -> None:
    story = Scenario()
    client = story.process("/usr/bin/client")
    fd = client.socket()
    client.emit("SOCKET_CONNECT_X", res=-111, tuple=b"", fd=fd, addr=b"\x02\x01")
    client.emit("SOCKET_CONNECT_X", res=-111, tuple=b"", fd=fd, addr=b"")
    client.emit("SOCKET_BIND_X", res=0, addr=b"\x10\0\0", fd=fd)
    assert acts(story, "kind") == []


def test_a_failed_connection_has_the_protocol_its_socket_was_made_for() -> None:
    story = Scenario()
    client = story.process("/usr/bin/client")
    client.connect(("203.0.113.9", 53), protocol="udp", fail="ENETUNREACH")
    client.connect(SERVER, fail="ECONNREFUSED")
    assert acts(story, "ok", "proto") == [(False, "udp"), (False, "tcp")]
