"""Users and groups, from lists that a container wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercel.identity.files import open_root, read, read_within
from tiercel.identity.people import MAX_PEOPLE, People, of_host, of_process, of_root, parse
from tiercel.model.world import Group, User

PASSWD = b"root:x:0:0:root:/root:/bin/sh\nshop:x:4242:4242:the shop:/srv:/bin/bash\n"
GROUP = b"root:x:0:\nshop:x:4242:a,b\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/passwd").write_bytes(PASSWD)
    (tmp_path / "root/etc/group").write_bytes(GROUP)
    return tmp_path / "root"


def test_lists_are_read() -> None:
    people = parse(PASSWD, GROUP)
    assert people.users[4242] == User(4242, 4242, b"shop", b"/srv", b"/bin/bash")
    assert people.groups[4242] == Group(4242, b"shop")


def test_the_first_of_a_number_counts_and_what_makes_no_sense_is_passed_over() -> None:
    passwd = b"a:x:7:7::/:\nb:x:7:7::/:\n\n::::::\nc:x:-1:0::/:\nd:x:99999999999:0::/:\ne:x:4294967295:0::/:\nf:x:1\n"
    people = parse(passwd, b"g\nh:x:y:\ni:x:8:\n")
    assert list(people.users) == [7]
    assert people.users[7].name == b"a"
    assert list(people.groups) == [8]


def test_there_are_bounds() -> None:
    passwd = b"".join(b"u%d:x:%d:0::/:\n" % (n, n) for n in range(2 * MAX_PEOPLE))
    assert len(parse(passwd, b"").users) == MAX_PEOPLE
    assert len(parse(b"x" * 9999 + b":x:1:1::/:\n", b"").users[1].name) == 255


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_lists_are_read(passwd: bytes, group: bytes) -> None:
    people = parse(passwd, group)
    assert all(0 <= number < 0xFFFFFFFF for number in (*people.users, *people.groups))


def test_people_of_a_file_system(root: Path) -> None:
    assert of_root(str(root)) == parse(PASSWD, GROUP)


def test_a_link_leads_nowhere_outside(root: Path) -> None:
    (root.parent / "secret").write_bytes(b"secret:x:1:1::/:\n")
    (root / "etc/passwd").unlink()
    (root / "etc/passwd").symlink_to("../../../../../.." + str(root.parent / "secret"))
    people = of_root(str(root))
    assert people is not None
    assert people.users == {}
    (root / "etc/passwd").unlink()
    (root / "etc/passwd").symlink_to("/etc/group")  # as a process in there sees it
    fd = open_root(str(root))
    try:
        assert read_within(fd, "etc/passwd", 1000) == GROUP
    finally:
        os.close(fd)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/proc/self/root/etc/passwd", path)])
def test_what_is_no_file_holds_nobody_up(root: Path, make: object) -> None:
    (root / "etc/passwd").unlink()
    make(root / "etc/passwd")  # type: ignore[operator]
    people = of_root(str(root))
    assert people is not None
    assert people.users == {}


def test_a_large_file_is_not_read(root: Path) -> None:
    (root / "etc/passwd").write_bytes(PASSWD * 50_000)
    with pytest.raises(OSError, match="longer than"):
        read(root / "etc/passwd", 1 << 20)
    people = of_root(str(root))
    assert people is not None
    assert people.users == {}


def test_the_hosts_own_root_is_no_container() -> None:
    assert of_root("/") is None
    assert of_root("/no/such/folder") is None
    assert of_process(os.getpid(), "5d146d898ce4") is None
    assert 0 in of_host().users


@pytest.mark.privileged
@pytest.mark.skipif(os.geteuid() != 0, reason="takes root")
def test_a_mount_in_a_container_is_not_entered(root: Path) -> None:
    """What lies on it may never answer, as on a file system in user space."""
    command = [
        *(
            "unshare",
            "-m",
            "sh",
            "-c",
            'mount -t tmpfs none "$1/etc" && cp /etc/passwd "$1/etc" && exec "$2" -c "$3" "$1"',
        ),
        *("sh", str(root), sys.executable),
        "import sys; from tiercel.identity.people import of_root; print(of_root(sys.argv[1]))",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.strip() == "None", done.stderr


def test_nobody_is_known_of_an_empty_file_system(tmp_path: Path) -> None:
    assert of_root(str(tmp_path)) is None
    assert People() == parse(b"", b"")
