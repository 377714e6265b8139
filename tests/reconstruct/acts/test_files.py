"""Acts on files: what was opened, created, changed, moved, removed, mounted, and how many bytes went where."""

from __future__ import annotations

import pytest

from tests.reconstruct.stories import Scenario, acts, scene_of


def test_how_a_file_is_opened() -> None:
    story = Scenario()
    shell = story.process("/bin/sh")
    for flags in (
        "O_RDONLY",
        "O_WRONLY|O_TRUNC",
        "O_RDWR|O_APPEND",
        "O_WRONLY|O_CREAT|O_F_CREATED",
        "O_WRONLY|O_CREAT",
    ):
        shell.open("/srv/data", flags)
    assert acts(story, "kind", "detail") == [
        ("open_read", None),
        ("open_write", "O_TRUNC"),
        ("open_write", "O_APPEND"),
        ("create", "O_CREAT|created"),
        ("open_write", "O_CREAT"),
    ]


def test_files_read_again_and_again_are_one_act() -> None:
    story = Scenario()
    shell = story.process("/bin/sh")
    for _ in range(5):
        shell.close(shell.open("/etc/hosts"))
        story.wait(1)
    ((count, ts, last),) = acts(story, "count", "ts", "last_ts", kind="open_read")
    assert count == 5
    assert last - ts > 4_000_000_000


def test_of_failed_opens_only_the_denied_are_kept() -> None:
    story = Scenario()
    shell = story.process("/bin/sh", uid=1000)
    shell.open("/etc/shadow", fail="EACCES")
    shell.open("/no/such/file", fail="ENOENT")
    assert acts(story, "kind", "object", "ok", "res") == [("open_read", "/etc/shadow", False, -13)]


def test_directories_are_not_files() -> None:
    story = Scenario()
    story.process("/bin/ls").open("/etc", "O_RDONLY|O_DIRECTORY")
    assert acts(story, "kind") == []


def test_paths_start_from_where_the_call_says() -> None:
    story = Scenario()
    shell = story.process("/bin/sh", cwd="/root")
    there = shell.open("/srv/www", "O_RDONLY|O_DIRECTORY")
    shell.unlink("here")
    shell.unlink("index.html", dirfd=there)
    shell.chmod("../www/a", 0o644, dirfd=there)
    shell.emit("SYSCALL_RENAMEAT2_X", res=0, olddirfd=there, oldpath="a", newdirfd=-100, newpath="b", flags=0)
    shell.emit("SYSCALL_LINKAT_2_X", res=0, olddir=there, oldpath="x", newdir=-100, newpath="y", flags=0)
    assert acts(story, "kind", "object", "target") == [
        ("delete", "/root/here", None),
        ("delete", "/srv/www/index.html", None),
        ("chmod", "/srv/www/a", None),
        ("rename", "/srv/www/a", "/root/b"),
        ("link", "/srv/www/x", "/root/y"),
    ]


def test_links_say_what_they_lead_to() -> None:
    story = Scenario()
    shell = story.process("/bin/sh", cwd="/tmp")
    shell.symlink("/etc/shadow", "s")
    shell.link("/etc/passwd", "p")
    assert acts(story, "kind", "object", "target") == [
        ("symlink", "/tmp/s", "/etc/shadow"),
        ("link", "/etc/passwd", "/tmp/p"),
    ]


@pytest.mark.parametrize(
    ("mode", "words"),
    [(0o4755, "u+s 04755"), (0o2755, "g+s 02755"), (0o1777, "+t 01777"), (0o755, "+x 0755"), (0o600, "0600")],
)
def test_modes_say_what_stands_out(mode: int, words: str) -> None:
    story = Scenario()
    story.process("/bin/sh").chmod("/tmp/x", mode)
    assert acts(story, "detail", kind="chmod") == [words]


def test_owners() -> None:
    story = Scenario()
    shell = story.process("/bin/sh")
    shell.chown("/tmp/x", 0, 0)
    shell.chown("/tmp/x", 1000, 0xFFFFFFFF)
    shell.chown("/etc/x", 0, 0, fail="EPERM")
    assert acts(story, "detail", "ok") == [("uid=0 gid=0", True), ("uid=1000", True), ("uid=0 gid=0", False)]


def test_a_removed_directory_is_none_of_the_deleted_files() -> None:
    story = Scenario()
    shell = story.process("/bin/sh", cwd="/tmp")
    shell.mkdir("/tmp/d", 0o700)
    shell.emit("SYSCALL_UNLINKAT_2_X", res=0, dirfd=-100, name="d", flags="AT_REMOVEDIR")
    shell.rmdir("/tmp/d", fail="ENOENT")
    assert acts(story, "kind", "object", "detail") == [("mkdir", "/tmp/d", "0700"), ("rmdir", "/tmp/d", None)]


def test_mounts() -> None:
    story = Scenario()
    shell = story.process("/bin/mount")
    shell.mount("/dev/sda1", "/mnt", "ext4", "RDONLY|NOSUID")
    shell.umount("/mnt")
    shell.mount("/dev/sda1", "/host", "ext4", fail="EPERM")
    assert acts(story, "kind", "object", "target", "detail", "ok") == [
        ("mount", "/mnt", "/dev/sda1", "ext4 RDONLY|NOSUID", True),
        ("umount", "/mnt", None, None, True),
        ("mount", "/host", "/dev/sda1", "ext4", False),
    ]


def test_devices_and_roots() -> None:
    story = Scenario()
    shell = story.process("/bin/sh", cwd="/srv")
    shell.emit("SYSCALL_MKNODAT_X", res=0, dirfd=-100, path="disk", mode="S_IFBLK", dev=0x800)
    shell.chroot("jail")
    assert acts(story, "kind", "object") == [("mknod", "/srv/disk"), ("chroot", "/srv/jail")]


def test_bytes_are_added_up_over_batches() -> None:
    story = Scenario()
    shell = story.process("/bin/sh")
    out = shell.open("/tmp/out", "O_WRONLY|O_CREAT")
    for _ in range(100):
        shell.write(out, b"x" * 10)
    shell.write(out, fail="ENOSPC")
    scene = scene_of(story, size=16)
    (written,) = [act for act in scene.acts.to_pylist() if act["kind"] == "write"]
    assert (written["object"], written["bytes"], written["count"]) == ("/tmp/out", 1000, 100)


def test_what_is_copied_inside_the_kernel_is_read_and_written() -> None:
    story = Scenario()
    cp = story.process("/bin/cp")
    source = cp.open("/etc/shadow")
    target = cp.open("/tmp/s", "O_WRONLY|O_CREAT|O_F_CREATED")
    cp.emit("SYSCALL_COPY_FILE_RANGE_X", res=500, fdout=target, offout=0, fdin=source, offin=0, len=4096)
    assert [act for act in acts(story, "kind", "object", "bytes") if act[2]] == [
        ("write", "/tmp/s", 500),
        ("read", "/etc/shadow", 500),
    ]


def test_pipes_are_not_told() -> None:
    story = Scenario()
    shell = story.process("/bin/sh")
    read, write = shell.pipe()
    shell.write(write, b"x")
    shell.read(read, b"x")
    assert acts(story, "kind") == []


def test_a_file_name_that_is_no_text() -> None:
    story = Scenario()
    story.process("/bin/sh").emit("SYSCALL_UNLINK_2_X", res=0, path=b"/tmp/\xff\xfe\0")
    assert acts(story, "object") == ["/tmp/\ufffd\ufffd"] or acts(story, "object") == ["/tmp/\ufffd"]
