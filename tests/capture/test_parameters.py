"""Parameters are encoded as the drivers lay them out."""

from __future__ import annotations

import pytest

from tiercel.capture.parameters import AT_FDCWD, ParameterError, Unix, encode
from tiercel.wire.event_table import BY_CONSTANT, EVENTS


def test_open_has_every_parameter_of_its_layout() -> None:
    params = encode("SYSCALL_OPENAT_2_X", fd=3, dirfd=AT_FDCWD, name="/etc/shadow", flags="O_RDONLY|O_CLOEXEC", ino=7)
    assert params == [
        b"\x03\0\0\0\0\0\0\0",
        b"\x9c\xff\xff\xff\xff\xff\xff\xff",
        b"/etc/shadow\0",
        b"\x01\x10\0\0",
        b"",
        b"",
        b"\x07\0\0\0\0\0\0\0",
    ]


def test_addresses() -> None:
    ends = (("127.0.0.1", 33582), ("127.0.0.1", 8080))
    res, pair, _, address = encode("SOCKET_CONNECT_X", res="ENOENT", tuple=ends, fd=3, addr=Unix("/run/x"))
    assert res == b"\xfe\xff\xff\xff\xff\xff\xff\xff"
    assert pair == b"\x02\x7f\0\0\x01.\x83\x7f\0\0\x01\x90\x1f"
    assert address == b"\x01/run/x\0"
    v6 = encode("SOCKET_BIND_X", addr=("2001:db8::1", 443))[1]
    assert v6 == b"\x0a\x20\x01\x0d\xb8" + bytes(11) + b"\x01\xbb\x01"
    unix = encode("SOCKET_CONNECT_X", tuple=Unix(b"/s", 1, 2))[1]
    assert unix == b"\x01\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0/s\0"


def test_lists_and_dynamic_values() -> None:
    assert encode("SYSCALL_POLL_X", fds=[(3, "POLLIN"), (5, 4)])[1] == (
        b"\x02\0\x03\0\0\0\0\0\0\0\x01\0\x05\0\0\0\0\0\0\0\x04\0"
    )
    assert encode("SYSCALL_EXECVE_19_X", args=["-c", "id"], env=b"A=1\0")[2] == b"-c\0id\0"
    assert encode("SYSCALL_PTRACE_X", addr=("SIGTYPE", 9))[1] == b"\x01\x09"
    assert encode("SOCKET_SETSOCKOPT_X", val=("ERRNO", "EAGAIN"))[4] == b"\x01\xf5\xff\xff\xff\xff\xff\xff\xff"


def test_ids_may_be_none_or_minus_one() -> None:
    assert encode("SYSCALL_SETUID_X", res=0, uid=-1)[1] == b"\xff\xff\xff\xff"
    assert encode("SYSCALL_SETUID_X", res=0, uid=None)[1] == b""


@pytest.mark.parametrize(
    ("event", "values", "message"),
    [
        ("SYSCALL_OPENAT_9_X", {}, "did you mean SYSCALL_OPENAT_2_X"),
        (9999, {}, "no event has number 9999"),
        ("SYSCALL_OPENAT_2_X", {"nme": "x"}, r"SYSCALL_OPENAT_2_X has no parameter 'nme' \(did you mean name\?\)"),
        (
            "SYSCALL_OPENAT_2_X",
            {"flags": "O_RDONY"},
            r"SYSCALL_OPENAT_2_X.flags: unknown flag 'O_RDONY' \(did you mean",
        ),
        ("SYSCALL_OPENAT_2_X", {"name": 3}, "SYSCALL_OPENAT_2_X.name: expects text, not 3"),
        ("SYSCALL_OPENAT_2_X", {"mode": 1 << 32}, "does not fit in 4 bytes"),
        ("SYSCALL_OPENAT_2_X", {"fd": "3"}, "expects a number, not '3'"),
        ("SYSCALL_CLOSE_X", {"res": "ENOTHING"}, "unknown error 'ENOTHING'"),
        ("SOCKET_BIND_X", {"addr": ("host", 80)}, "'host' does not appear to be an IPv4 or IPv6 address"),
        ("SOCKET_BIND_X", {"addr": ("1.2.3.4", 70000)}, "70000 does not fit in 2 bytes"),
        ("SOCKET_CONNECT_X", {"tuple": (("1.2.3.4", 1), ("::1", 2))}, "one address family"),
        ("SYSCALL_PTRACE_X", {"addr": ("FD", 9)}, "expects"),
    ],
)
def test_what_does_not_fit_is_named(event: str | int, values: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        encode(event, **values)


def test_every_event_can_be_encoded_without_values() -> None:
    for event in EVENTS:
        assert encode(event.number) == [b""] * len(event.params)
    assert BY_CONSTANT["SYSCALL_EXECVE_19_X"] == 293
