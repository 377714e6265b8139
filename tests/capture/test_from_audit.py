"""Audit logs as events."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.capture.audit_logs import RECORDED, START, call, path, shown, stamp, write
from tiercel.capture.from_audit import AuditReplay, audit_batches
from tiercel.errors import InputError
from tiercel.model.columns import P

CWD = 'CWD cwd="/home/alice"'
CONNECT = "SOCKADDR saddr=020001BBCB0071090000000000000000"  # 203.0.113.9:443


def test_the_recording_reads_as_the_story_it_is() -> None:
    acts = shown(
        RECORDED,
        "user.name",
        "proc.cmdline",
        "evt.type",
        filter="evt.type in (execve, execveat, fchmodat, unshare) and user.loginname = alice",
    )
    assert acts == [
        ("root", "setpriv --reuid 1000 --regid 1000 --clear-groups /bin/bash /srv/app/job.sh", "execve"),
        ("alice", "bash /srv/app/job.sh", "execve"),
        ("alice", "id -u", "execve"),
        ("alice", "cat /etc/shadow", "execve"),
        ("alice", "cp /bin/true ./tool", "execve"),
        ("alice", "chmod 755 tool", "execve"),
        ("alice", "chmod 755 tool", "fchmodat"),
        ("alice", "chmod u+s tool", "execve"),
        ("alice", "chmod u+s tool", "fchmodat"),
        ("alice", "tool --quiet two words na\u00efve\ufffdx", "execve"),
        ("alice", "mkdir -p work/sub", "execve"),
        ("alice", "mv tool work/sub/the tool", "execve"),
        ("alice", "ln -s /etc/passwd work/link", "execve"),
        *[act for act in acts if "perl -MSocket" in str(act[1])],
        ("alice", "rm -f work/link work/sub/the tool w2 w3 own.sock", "execve"),
        ("alice", "rmdir work/sub work", "execve"),
        ("root", "perl -e $< = $> = 33; exec q(/bin/cat), q(/etc/hostname)", "execve"),
        ("www-data", "cat /etc/hostname", "execve"),
        ("root", "unshare -m /bin/true", "execve"),
        ("root", "unshare -m /bin/true", "unshare"),
        ("root", "true", "execve"),
        ("root", "memfd:payload x", "execveat"),
    ]


def test_files_of_the_recording_are_named_in_full() -> None:
    names = shown(
        RECORDED, "evt.type", "fs.path.name", "fs.path.source", "fs.path.target", filter="evt.category = file"
    )
    assert ("mkdir", "/srv/app/work/sub", None, None) in names
    assert ("renameat2", None, "/srv/app/tool", "/srv/app/work/sub/the tool") in names
    assert ("link", None, "/srv/app/w3", "/srv/app/w2") in names
    assert ("rmdir", "/srv/app/work/sub", None, None) in names
    assert ("openat", "/srv/app/whoami.txt", None, None) in names
    (link,) = shown(RECORDED, "evt.info", filter="evt.type = symlinkat")
    assert link == ("res=0 target=/etc/passwd linkdirfd=-100(AT_FDCWD) linkpath=work/link(/srv/app/work/link)",)


def test_lineage_of_the_recording() -> None:
    (cat,) = shown(
        RECORDED, "proc.pname", "proc.aname[2]", "proc.cwd", "evt.res", filter="fd.name = /etc/shadow and evt.res != 0"
    )
    assert cat == ("bash", None, "/srv/app/", "EACCES")


def test_connections_of_the_recording() -> None:
    assert shown(RECORDED, "fd.name", "fd.sip", "fd.sport", "evt.res", filter="evt.type = connect") == [
        ("0.0.0.0:0->127.0.0.1:18080", "127.0.0.1", 18080, "SUCCESS"),
        ("", None, None, "ECONNREFUSED"),
        ("", None, None, "ENOENT"),
    ]


def test_names_of_users_and_host_come_from_the_log() -> None:
    replay = audit_batches([RECORDED], hostname="elsewhere")
    batch = next(iter(replay))
    assert replay.hosts == ["web01"]
    assert batch.world is not None
    assert batch.world.machine.hostname == "web01"
    assert {user.name for user in batch.world.users.values()} == {b"root", b"alice", b"www-data"}
    assert batch.world.groups[b"", 1000].name == b"alice"


def test_records_without_a_call_are_kept_as_marks() -> None:
    replay = audit_batches([RECORDED])
    marks = list(replay.marks())
    assert [mark.type for mark in marks].count("LOGIN") == 4
    note = next(mark for mark in marks if mark.type == "USER")
    assert note.text == (
        'USER pid=24874 uid=root auid=unset ses=unset text=a note "with quotes" exe=/usr/sbin/auditctl res=success'
    )
    assert (note.host, note.pid, note.uid, note.ses) == ("web01", 24874, 0, None)
    (truncate,) = [mark for mark in marks if mark.type == "SYSCALL"]
    assert truncate.text.startswith("SYSCALL truncate /srv/app/whoami.txt ")
    assert len(replay.problems) == 0
    assert replay.damage_message() is None


def test_a_raw_log_says_the_same_but_for_names(tmp_path: Path) -> None:
    raw = tmp_path / "audit.log"
    lines = RECORDED.read_bytes().splitlines(keepends=True)
    raw.write_bytes(b"".join(line.partition(b"\x1d")[0].strip().removeprefix(b"node=web01 ") + b"\n" for line in lines))
    fields = ("evt.rawtime", "evt.type", "evt.args", "proc.pid", "proc.exepath", "user.uid", "fd.name")
    named = shown(RECORDED, *fields[:2], *fields[3:])
    assert shown(raw, *fields[:2], *fields[3:]) == named
    assert audit_batches([raw], "db01").hosts == ["db01"]


def test_iterating_again_gives_the_same() -> None:
    replay = audit_batches([RECORDED])
    assert shown(replay, "evt.num", "evt.type") == shown(replay, "evt.num", "evt.type")
    assert replay.events == 128


# calls one by one


@pytest.mark.parametrize(
    ("record", "type", "info"),
    [
        (
            call(1, 2, CWD, path("notes", "CREATE"), result=5, args=(0, 0o1102, 0o640)),
            "open",
            "fd=5(<f>/home/alice/notes) name=notes(/home/alice/notes) flags=16647(O_TRUNC|O_CREAT|O_RDWR|O_F_CREATED)"
            " mode=0640 dev=FE00 ino=42",
        ),
        (
            call(1, 56, CWD, path("d"), result=3, args=(-100, 0, 0o40000), arch="c00000b7"),
            "openat",
            "fd=3(<d>/home/alice/d) dirfd=-100(AT_FDCWD) name=d(/home/alice/d) flags=1025(O_DIRECTORY|O_RDONLY)"
            " mode=0 dev=FE00 ino=42",
        ),
        (
            call(1, 437, CWD, "OPENAT2 oflag=0102 mode=0600 resolve=0x8", path("f", "CREATE"), result=3, args=(-100,)),
            "openat2",
            "fd=3(<f>/home/alice/f) dirfd=-100(AT_FDCWD) name=f(/home/alice/f)"
            " flags=16391(O_CREAT|O_RDWR|O_F_CREATED) mode=0600 resolve=1(RESOLVE_BENEATH) dev=FE00 ino=42",
        ),
        (call(1, 90, CWD, path("f"), args=(0, 0o4711)), "chmod", "S_ISUID)"),
        (call(1, 92, CWD, path("f"), args=(0, 33, 34)), "chown", "path=f(/home/alice/f) uid=33 gid=34"),
        (call(1, 87, CWD, path("f", "DELETE"), result=-13), "unlink", "res=-13(EACCES) path=f(/home/alice/f)"),
        (call(1, 101, args=(16, 77)), "ptrace", "request=11(PTRACE_ATTACH) pid=77"),
        (call(1, 62, args=(-1, 9)), "kill", "pid=-1 sig=9(SIGKILL)"),
        (call(1, 272, args=(0x20000000 | 0x20000,)), "unshare", "flags=96(CLONE_NEWNS|CLONE_NEWPID)"),
        (call(1, 321, result=7, args=(5,)), "bpf", "cmd=5(BPF_PROG_LOAD)"),
        (call(1, 176, 'KERN_MODULE name="evil"', args=(0, 0o4000)), "delete_module", "name=evil flags=2(O_NONBLOCK)"),
        (call(1, 49, "SOCKADDR saddr=020000160000000000000000", args=(3,)), "bind", "addr=0.0.0.0:22 fd=3"),
        (
            call(1, 126, "CAPSET pid=100 cap_pi=0 cap_pp=3 cap_pe=1"),
            "capset",
            "cap_inheritable=0 cap_permitted=3 cap_effective=1",
        ),
        (call(1, 293, "FD_PAIR fd0=3 fd1=4"), "pipe2", "fd1=3(<p>) fd2=4(<p>)"),
        (call(1, 319, result=4, args=(0, 1)), "memfd_create", "flags=1(MFD_CLOEXEC)"),
        (call(1, 165, CWD, path("/mnt"), args=(0, 0, 0, 6)), "mount", "dir=/mnt type=<NA> flags=6(NOSUID|NODEV)"),
        (
            call(1, 102, "SOCKETCALL nargs=3 a0=3 a1=0 a2=10", CONNECT, args=(3,), arch="40000003"),
            "connect",
            "addr=203.0.113.9:443",
        ),
        (call(1, 103, args=(0, 0)), "syslog", ""),
    ],
)
def test_a_call(tmp_path: Path, record: str, type: str, info: str) -> None:
    ((found, text),) = shown(write(tmp_path, record), "evt.type", "evt.info")
    assert found == type
    assert info in str(text)


def test_arguments_in_pieces_and_hexadecimal(tmp_path: Path) -> None:
    pieces = [
        'EXECVE argc=3 a0="sh" a1=2D6320C3A9 a2_len=8 a2[0]=41420A43',
        "EXECVE a2[1]=44454647",
    ]
    log = write(tmp_path, call(1, 59, *pieces, path("/bin/sh")))
    assert shown(log, "proc.exe", "proc.args", "proc.exepath") == [("sh", "-c \u00e9 AB\ufffdCDEFG", "/usr/bin/dash")]


def test_a_program_run_by_a_process_not_seen_before_was_forked_by_its_parent(tmp_path: Path) -> None:
    log = write(
        tmp_path,
        call(1, 59, 'EXECVE argc=1 a0="bash"', pid=200, ppid=100, comm="bash", exe="/usr/bin/bash"),
        call(2, 59, 'EXECVE argc=1 a0="id"', pid=300, ppid=200, comm="id", exe="/usr/bin/id"),
        call(3, 257, CWD, path("/etc/passwd"), result=3, args=(-100,), pid=300, ppid=200, comm="id", exe="/usr/bin/id"),
    )
    assert shown(log, "proc.name", "proc.pname", "proc.ppid", "proc.cwd", filter="evt.type = openat") == [
        ("id", "bash", 200, "/home/alice/")
    ]


def test_a_process_that_may_be_older_than_the_log_has_no_start(tmp_path: Path) -> None:
    log = write(tmp_path, call(1, 257, CWD, path("a"), result=3, args=(-100,), comm="nginx", exe="/usr/sbin/nginx"))
    (batch,) = audit_batches([log])
    assert batch.world is not None
    assert shown(log, "proc.name", "proc.exepath", "user.loginuid", "proc.tty", "fd.name") == [
        ("nginx", "/usr/sbin/nginx", 1000, 34816, "/home/alice/a")
    ]


def test_what_changed_without_a_record_shows_in_the_next_call(tmp_path: Path) -> None:
    changed = "uid=33 gid=33 euid=33 suid=33 fsuid=33 egid=33 sgid=33 fsgid=33"
    log = write(
        tmp_path,
        call(1, 257, CWD, path("a"), result=3, args=(-100,)),
        call(
            2, 257, 'CWD cwd="/var/www"', path("b"), result=4, args=(-100,), credentials=changed, comm="php", exe="/php"
        ),
    )
    assert shown(log, "proc.name", "proc.exepath", "user.uid", "group.gid", "fd.name") == [
        ("sh", "/usr/bin/dash", 0, 0, "/home/alice/a"),
        ("php", "/php", 33, 33, "/var/www/b"),
    ]


def test_a_process_id_used_again_is_another_process(tmp_path: Path) -> None:
    log = write(
        tmp_path,
        call(1, 59, 'EXECVE argc=2 a0="a" a1="one"', pid=300, ppid=200, comm="a", exe="/a"),
        call(2, 231, result=None, args=(3,), pid=300, ppid=200, comm="a", exe="/a"),
        call(9, 257, CWD, path("x"), result=3, args=(-100,), pid=300, ppid=250, comm="b", exe="/b"),
    )
    assert shown(log, "evt.type", "proc.name", "proc.args", "proc.ppid") == [
        ("execve", "a", "one", None),
        ("procexit", "a", "one", None),
        ("openat", "b", "", None),
    ]


def test_an_exit_status(tmp_path: Path) -> None:
    log = write(tmp_path, call(1, 231, result=None, args=(3,)))
    assert "ret=3" in str(shown(log, "evt.info"))


def test_a_crash_ends_the_process_and_is_kept_as_a_line(tmp_path: Path) -> None:
    body = 'auid=1000 uid=0 gid=0 ses=1 pid=100 comm="sh" exe="/usr/bin/dash" sig=11 res=1'
    replay = audit_batches([write(tmp_path, f"type=ANOM_ABEND {stamp(1)} {body}")])
    assert "sig=11(SIGSEGV)" in str(shown(replay, "evt.type", "evt.info"))
    assert [mark.type for mark in replay.marks()] == ["ANOM_ABEND"]


def test_a_login_tells_who_the_parent_is(tmp_path: Path) -> None:
    login = (
        f'type=USER_LOGIN {stamp(1)} pid=90 uid=0 auid=1000 ses=3 msg=\'op=login id=1000 exe="/usr/sbin/sshd" '
        "hostname=198.51.100.7 addr=198.51.100.7 terminal=ssh res=success'"
    )
    log = write(tmp_path, login, call(2, 59, 'EXECVE argc=1 a0="-bash"', pid=91, ppid=90, comm="bash", exe="/bin/bash"))
    assert shown(log, "proc.name", "proc.pname") == [("bash", "sshd")]
    (mark,) = audit_batches([log]).marks()
    assert mark.fields["addr"] == "198.51.100.7"
    assert (mark.pid, mark.uid, mark.ses, mark.ts) == (90, 0, 3, (START + 1) * 1_000_000_000)


@pytest.mark.parametrize(("saddr", "l4proto"), [("020001BBCB007109", "tcp"), ("02000035CB007109", "udp")])
def test_a_connection_of_an_unrecorded_socket(tmp_path: Path, saddr: str, l4proto: str) -> None:
    log = write(tmp_path, call(1, 42, f"SOCKADDR saddr={saddr}", args=(3,)))
    assert shown(log, "fd.sip", "fd.l4proto", "fd.typechar") == [("203.0.113.9", l4proto, "4")]


def test_hosts_of_one_log_are_kept_apart(tmp_path: Path) -> None:
    one = call(1, 257, CWD, path("a"), result=3, args=(-100,), comm="a", exe="/a")
    two = call(1, 257, CWD, path("b"), result=3, args=(-100,), comm="b", exe="/b")
    lines = [
        f"node={node} {line}"
        for node, record in (("web01", one), ("db01", two), ("web01", one.replace(":1)", ":2)")))
        for line in record.splitlines()
    ]
    replay = audit_batches([write(tmp_path, *lines)])
    assert replay.hosts == ["web01", "db01"]
    found = [(batch.world.machine.hostname if batch.world else "", batch.count) for batch in replay]
    assert [host for host, _ in found] == ["web01", "db01"]
    assert shown(replay, "proc.name", "fd.name") == [("a", "/home/alice/a")] * 2 + [("b", "/home/alice/b")]


def test_rotated_files_are_read_oldest_first(tmp_path: Path) -> None:
    first = write(tmp_path, call(1, 90, CWD, path("one")), name="audit.log.2")
    second = tmp_path / "audit.log.1.gz"
    second.write_bytes(gzip.compress(call(2, 90, CWD, path("two")).encode() + b"\n"))
    third = write(tmp_path, call(3, 90, CWD, path("three")))
    replay = audit_batches([third, second, first])
    assert [name for (name,) in shown(replay, "fs.path.nameraw")] == ["one", "two", "three"]
    assert (replay.since, replay.until) == ((START + 1) * 1_000_000_000, (START + 3) * 1_000_000_000)


def test_a_truncated_archive_gives_what_it_holds(tmp_path: Path) -> None:
    records = "\n".join(call(i, 90, CWD, path(f"file-{i}")) for i in range(1, 400))
    packed = gzip.compress(records.encode())
    log = tmp_path / "audit.log.1.gz"
    log.write_bytes(packed[: len(packed) * 3 // 4])
    replay = audit_batches([log])
    assert 100 < len(shown(replay, "evt.num")) < 399
    assert "audit.log.1.gz" in str(replay.damage_message())


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no-such"):
        audit_batches([tmp_path / "no-such.log"])
    with pytest.raises(InputError, match="no audit log given"):
        audit_batches([])


def test_an_empty_log(tmp_path: Path) -> None:
    replay = audit_batches([write(tmp_path)])
    assert (list(replay), list(replay.marks()), replay.events, replay.hosts) == ([], [], 0, [])


def test_a_call_of_an_unknown_architecture_is_kept_as_a_line(tmp_path: Path) -> None:
    replay = audit_batches([write(tmp_path, call(1, 5, arch="80000016"))])
    assert shown(replay, "evt.type") == []
    assert [mark.type for mark in replay.marks()] == ["SYSCALL"]


def test_paths_without_their_call_are_a_problem(tmp_path: Path) -> None:
    replay = AuditReplay([write(tmp_path, f"type={path('/x')}".replace("PATH ", f"PATH {stamp(1)} ", 1))])
    assert shown(replay, "evt.type") == []
    assert [(problem.place, problem.reason) for problem in replay.problems] == [
        ("audit.log:1", "records of an event without its first one")
    ]


# processes


def lives(log: Path) -> set[tuple[int, int, bytes | None]]:
    """Return process, parent and name of all processes that were ever known."""
    found = set()
    for batch in audit_batches([log]):
        rows = batch.tables.processes
        for row in range(rows.count):
            cells = rows.array[row]
            found.add((int(cells[P.PID]), int(cells[P.PTID]), batch.tables.strings.get(int(cells[P.COMM]))))
    return found


def test_a_fork_is_an_event_and_its_child_appears_with_its_first_call(tmp_path: Path) -> None:
    log = write(
        tmp_path,
        call(1, 56, result=301, args=(0x1200011,), pid=300, comm="bash", exe="/usr/bin/bash"),
        call(2, 56, result=302, args=(0x1200011,), pid=300, comm="bash", exe="/usr/bin/bash"),
        call(3, 257, CWD, path("x"), result=3, args=(-100,), pid=302, ppid=300, comm="bash", exe="/usr/bin/bash"),
    )
    assert shown(log, "evt.type", "proc.pid", "proc.pname", "evt.rawres") == [
        ("clone", 300, None, 301),
        ("clone", 300, None, 302),
        ("openat", 302, "bash", 3),
    ]
    (batch,) = audit_batches([log])
    assert batch.process[batch.visible].tolist()[2] >= 0
    clones = [i for i in range(batch.count) if not batch.visible[i] and batch.tid[i] == 302]
    assert clones, "the child's beginning is told to the tracker, not shown as an event"


def test_the_result_of_a_fork_in_a_container_is_no_process_of_the_host(tmp_path: Path) -> None:
    log = write(tmp_path, call(1, 56, result=7, args=(0x1200011,), pid=300, comm="runc", exe="/usr/bin/runc"))
    assert {pid for pid, _, _ in lives(log)} == {300}


def test_a_parent_that_is_heard_of_later_is_known_from_the_start(tmp_path: Path) -> None:
    log = write(
        tmp_path,
        call(1, 59, 'EXECVE argc=1 a0="sh"', pid=50, ppid=40),
        call(2, 257, CWD, path("x"), result=3, args=(-100,), pid=40, ppid=1, comm="cron", exe="/usr/sbin/cron"),
    )
    assert shown(log, "proc.name", "proc.pname") == [("sh", "cron"), ("cron", None)]
    later = write(
        tmp_path,
        call(1, 257, CWD, path("x"), result=3, args=(-100,), pid=41, ppid=40, comm="cron", exe="/usr/sbin/cron"),
        call(2, 257, CWD, path("x"), result=3, args=(-100,), pid=40, ppid=1, comm="crond", exe="/usr/sbin/cron"),
        name="later.log",
    )
    assert shown(later, "proc.name", "proc.pname") == [("cron", "crond"), ("crond", None)]


def test_the_capabilities_a_program_got(tmp_path: Path) -> None:
    caps = "BPRM_FCAPS fver=0 fp=0 fi=0 fe=0 old_pp=0 old_pi=0 old_pe=0 new_pp=3 new_pi=0 new_pe=1"
    log = write(tmp_path, call(1, 59, 'EXECVE argc=1 a0="ping"', caps, comm="ping", exe="/bin/ping"))
    assert shown(log, "thread.cap_permitted", "thread.cap_effective") == [("CAP_CHOWN CAP_DAC_OVERRIDE", "CAP_CHOWN")]
