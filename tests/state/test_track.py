"""Following processes: what each kind of event does to them."""

from __future__ import annotations

import pytest

from tests.state.history import IN_PIDNS, SECOND, THREAD, VFORK, History, clone, cloned, execve, idle, leave, record
from tiercel.sources.records import FdRecord


def test_a_thread_of_the_process_list_is_known_from_the_first_event() -> None:
    history = History(record(200, 100, comm=b"sh", args=b"-c\0true\0", env=b"A=1\0", cwd=b"/tmp", uid=5))
    history.happen(idle(200))
    process = history.process()
    assert (process["comm"], process["args"], process["env"], process["cwd"]) == (
        b"sh",
        b"-c\0true\0",
        b"A=1\0",
        b"/tmp/",
    )
    assert (process["pid"], process["ptid"], process["uid"], process["container"]) == (200, 100, 5, None)


def test_an_unknown_thread_becomes_a_placeholder() -> None:
    history = History()
    history.happen(idle(999))
    process = history.process()
    assert (process["tid"], process["pid"], process["ptid"], process["comm"]) == (999, -1, -1, b"<NA>")
    assert process["cwd"] == b"./"
    assert history.batch.threads[0] == 0


def test_a_fork_copies_the_caller_and_an_exec_replaces_the_program() -> None:
    history = History(record(200, 100, cwd=b"/srv", env=b"A=1\0", loginuid=7, exepath=b"/bin/sh", root=b"/jail"))
    history.happen(
        clone(200, 201, exe="sh", comm="sh", args=["-i"]),
        cloned(201, 200),
        execve(201, "/bin/ls", "-l", env=["B=2"], cgroups=["cpu=/"], tty=34817, vpgid=201, pgid=201),
    )
    child = history.thread(201, 0)
    assert child is not None
    assert (child["pid"], child["ptid"], child["comm"], child["args"]) == (201, 200, b"sh", b"-i\0")
    assert (child["cwd"], child["env"], child["loginuid"], child["root"]) == (b"/srv/", b"A=1\0", 7, b"/jail")
    assert child["exepath"] == b"/bin/sh"
    ls = history.process(2)
    assert (ls["exe"], ls["comm"], ls["exepath"], ls["args"]) == (b"/bin/ls", b"ls", b"/bin/ls", b"-l\0")
    assert (ls["env"], ls["tty"], ls["pgid"], ls["cwd"]) == (b"B=2\0", 34817, 201, b"/srv/")
    assert history.process(1)["comm"] == b"sh", "the row of an earlier event stays as it was"


def test_the_child_may_return_first() -> None:
    history = History(record(200, 100))
    history.happen(cloned(201, 200, comm="kid"), clone(200, 201, comm="late"))
    assert history.thread(201, 1)["comm"] == b"kid"  # type: ignore[index]


def test_only_the_child_tells_of_itself_where_the_caller_sees_other_ids() -> None:
    history = History(record(200, 100, vtid=3, vpid=3))
    history.happen(clone(200, 9, flags=IN_PIDNS), cloned(201, 200, flags=IN_PIDNS, vtid=9, vpid=9))
    assert history.thread(9, 1) is None
    assert history.thread(201, 0) is None
    child = history.process()
    assert (child["tid"], child["vtid"], child["vpid"], child["ptid"]) == (201, 9, 9, 200)


def test_a_vfork_child_that_is_gone_when_its_caller_returns_stays_gone() -> None:
    history = History(record(200, 100))
    history.happen(cloned(201, 200, flags=VFORK), leave(201), idle(200), clone(200, 201, flags=VFORK))
    assert history.thread(201, 1) is not None
    assert history.thread(201, 2) is None
    assert history.thread(201, 3) is None


def test_a_child_that_exited_just_now_is_not_brought_back_by_a_late_caller() -> None:
    history = History(record(200, 100))
    history.happen(cloned(201, 200), leave(201), idle(200), clone(200, 201))
    assert history.thread(201, 3) is None
    history.happen((*clone(200, 201)[:2], clone(200, 201)[2] | {"ts": history.now + 3 * SECOND}))
    assert history.thread(201, 0) is not None


def test_a_thread_shares_its_process() -> None:
    history = History(record(200, 100, cwd=b"/a", env=b"A=1\0"))
    history.happen(
        clone(200, 201, flags=THREAD, pid=200),
        idle(201),
        (201, "SYSCALL_CHDIR_X", {"res": 0, "path": "/b"}),
        idle(200),
        (200, "SYSCALL_PRLIMIT_X", {"res": 0, "newcur": 77, "newmax": 77, "pid": 0, "resource": 7}),
        idle(201),
    )
    thread = history.process(1)
    assert (thread["pid"], thread["ptid"], thread["fdowner"], thread["cwd"]) == (200, 100, 200, b"/a/")
    assert thread["env"] == b"A=1\0"
    assert history.process(3)["cwd"] == b"/b/"
    assert history.process(5)["cwd"] == b"/b/"
    assert history.process(5)["fdlimit"] == 77
    assert history.batch.threads.tolist() == [2] * 6
    assert history.batch.children.tolist() == [1] * 6


def test_an_exec_ends_the_other_threads() -> None:
    history = History(record(200, 100))
    history.happen(clone(200, 201, flags=THREAD, pid=200), execve(200, "/bin/true"), idle(200))
    assert history.thread(201, 0) is not None
    assert history.thread(201, 1) is None
    assert history.batch.threads.tolist() == [2, 1, 1]


def test_an_exiting_thread_is_still_there_for_its_exit_event() -> None:
    history = History(record(200, 100))
    history.happen(leave(200), idle(100))
    assert history.process(0)["tid"] == 200
    assert history.thread(200, 0) is not None
    assert history.thread(200, 1) is None


def test_a_dead_main_thread_stays_while_its_threads_live() -> None:
    history = History(record(200, 100))
    history.happen(clone(200, 201, flags=THREAD, pid=200), leave(200), idle(201), leave(201), idle(100))
    assert history.thread(200, 2) is not None
    assert history.process(2)["cwd"] == b"/"
    assert history.batch.threads.tolist()[:4] == [2, 1, 1, 0]
    assert history.batch.children[2] == 1, "the main thread no longer counts"
    assert history.thread(200, 4) is None
    assert history.thread(201, 4) is None


def test_orphans_go_to_the_reaper_the_exit_names() -> None:
    history = History(record(200, 100), record(201, 200), record(50, 1))
    history.happen(leave(200, reaper_tid=50), idle(201))
    assert history.thread(201, 0)["ptid"] == 200  # type: ignore[index]
    assert history.process(1)["ptid"] == 50


def test_orphans_go_to_the_nearest_reaping_ancestor_else_to_nobody() -> None:
    history = History(record(200, 100), record(201, 200))
    subreaper = (100, "SYSCALL_PRCTL_X", {"res": 0, "option": 36, "arg2_str": "", "arg2_int": 1})
    history.happen(subreaper, leave(200), idle(201))
    assert history.process()["ptid"] == 100
    history = History(record(200, 100), record(201, 200))
    history.happen(leave(200), idle(201))
    assert history.process()["ptid"] == 1
    history = History(record(200, 300), record(201, 200))
    history.happen(leave(200), idle(201))
    assert history.process()["ptid"] == 0


def test_a_reused_tid_is_another_thread() -> None:
    history = History(record(200, 100))
    history.happen(clone(200, 201, comm="old"), idle(201))
    late = cloned(201, 200, comm="new")
    history.happen((late[0], late[1], late[2] | {"ts": history.now + 5 * SECOND}))
    assert history.process()["comm"] == b"new"


@pytest.mark.parametrize(
    ("event", "values", "column", "expected"),
    [
        ("SYSCALL_SETUID_X", {"res": 0, "uid": 33}, "uid", 33),
        ("SYSCALL_SETRESUID_X", {"res": 0, "ruid": 1, "euid": 33, "suid": 1}, "uid", 33),
        ("SYSCALL_SETREUID_X", {"res": 0, "ruid": 1, "euid": 33}, "uid", 33),
        ("SYSCALL_SETUID_X", {"res": "EPERM", "uid": 33}, "uid", 0),
        ("SYSCALL_SETGID_X", {"res": 0, "gid": 33}, "gid", 33),
        ("SYSCALL_SETRESGID_X", {"res": 0, "rgid": 1, "egid": 33, "sgid": 1}, "gid", 33),
        ("SYSCALL_SETREGID_X", {"res": 0, "rgid": 1, "egid": 33}, "gid", 33),
        ("SYSCALL_SETSID_X", {"res": 200}, "sid", 200),
        ("SYSCALL_CHDIR_X", {"res": 0, "path": "x/../y"}, "cwd", b"/srv/y/"),
        ("SYSCALL_CHDIR_X", {"res": "ENOENT", "path": "/x"}, "cwd", b"/srv/"),
        ("SYSCALL_FCHDIR_X", {"res": 0, "fd": 4}, "cwd", b"/var/www/"),
        ("SYSCALL_GETCWD_X", {"res": 5, "path": "/now"}, "cwd", b"/now/"),
        ("SYSCALL_CHROOT_X", {"res": 0, "path": "jail"}, "root", b"/srv/jail"),
        ("SYSCALL_SETRLIMIT_X", {"res": 0, "cur": 9, "max": 9, "resource": 7}, "fdlimit", 9),
        ("SYSCALL_SETRLIMIT_X", {"res": 0, "cur": 9, "max": 9, "resource": 6}, "fdlimit", 1000),
        ("SYSCALL_UNSHARE_X", {"res": 0, "flags": 1 << 20}, "cap_effective", (1 << 41) - 1),
        (
            "SYSCALL_CAPSET_X",
            {"res": 0, "cap_inheritable": 1, "cap_permitted": 2, "cap_effective": 4},
            "cap_permitted",
            2,
        ),
    ],
)
def test_a_thread_changes_itself(event: str, values: dict[str, object], column: str, expected: object) -> None:
    directory = FdRecord(fd=4, type=2, fname=b"/var/www")
    history = History(record(200, 100, cwd=b"/srv", fdlimit=1000), descriptors=[(200, [directory])])
    history.happen(idle(200), (200, event, values))
    assert history.process()[column] == expected
    assert history.process(0)["cwd"] == b"/srv/"


def test_memory_and_page_faults_follow_their_events() -> None:
    history = History(record(200, 100))
    switch = {"next": 1, "pgft_maj": 3, "pgft_min": 4, "vm_size": 50, "vm_rss": 60, "vm_swap": 70}
    history.happen(
        (200, "SYSCALL_BRK_4_X", {"res": 0, "vm_size": 10, "vm_rss": 20, "vm_swap": 30, "addr": 0}),
        (200, "SCHEDSWITCH_6_E", switch),
    )
    assert history.batch.memory.tolist() == [[10, 20, 30], [50, 60, 70]]
    assert history.batch.faults.tolist() == [[0, 0], [3, 4]]
    assert history.batch.process[0] == history.batch.process[1], "counters make no new version"


def test_the_path_of_an_old_exec_is_made_of_its_enter_event() -> None:
    history = History(record(200, 100, cwd=b"/opt"), descriptors=[(200, [FdRecord(fd=4, type=2, fname=b"/usr/bin")])])
    old = {"trusted_exepath": None}
    history.happen(
        (200, "SYSCALL_EXECVE_19_E", {"filename": "./run"}),
        execve(200, "run", **old),
        (200, "SYSCALL_EXECVEAT_E", {"dirfd": 4, "pathname": "id", "flags": 0}),
        execve(200, "id", **old),
        (200, "SYSCALL_EXECVEAT_E", {"dirfd": 9, "pathname": "id", "flags": 0}),
        execve(200, "id", **old),
        execve(200, "id", **old),
    )
    assert [history.process(k)["exepath"] for k in (1, 3, 5, 6)] == [b"/opt/run", b"/usr/bin/id", b"<NA>", b"<NA>"]


def test_a_note_that_the_executable_was_deleted_is_left_out() -> None:
    history = History(record(200, 100))
    history.happen(execve(200, "x", trusted_exepath="/memfd:x (deleted)", flags="EXE_FROM_MEMFD"))
    assert history.process()["exepath"] == b"/memfd:x"
    assert history.process()["exe_flags"] == 8


def test_the_container_follows_the_cgroups_of_the_one_who_returned() -> None:
    history = History(record(200, 100))
    docker = ["cpu=/docker/" + "ab" * 32]
    history.happen(clone(200, 201, cgroups=docker), cloned(201, 200, cgroups=docker))
    assert history.thread(201, 0)["container"] is None  # type: ignore[index]
    assert history.process()["container"] == b"abababababab"


def test_containers_users_and_groups_are_told_by_events() -> None:
    history = History()
    history.happen(
        (0, "CONTAINER_JSON_2_E", {"json": '{"container": {"id": "c1", "name": "web"}}'}),
        (
            0,
            "ASYNCEVENT_E",
            {"plugin_id": 0, "name": "container", "data": b'{"container": {"id": "c1", "name": "w2"}}'},
        ),
        (0, "ASYNCEVENT_E", {"plugin_id": 0, "name": "container_removed", "data": b'{"container": {"id": "c1"}}'}),
        (0, "CONTAINER_JSON_2_E", {"json": "no json"}),
        (0, "USER_ADDED_E", {"uid": 5, "gid": 6, "name": "ann", "home": "/h", "shell": "/s", "container_id": "c1"}),
        (0, "GROUP_ADDED_E", {"gid": 6, "name": "staff", "container_id": ""}),
    )
    assert [version.info.get("name") for version in history.world.containers[b"c1"]] == ["web", "w2", None]
    assert history.world.container(b"c1", 1).info["name"] == "web"  # type: ignore[union-attr]
    assert history.world.users[b"c1", 5].name == b"ann"
    assert history.world.groups[b"", 6].name == b"staff"
    assert history.batch.process.tolist() == [-1] * 6


def test_a_full_table_takes_no_more_threads() -> None:
    history = History()
    history.tracker.table.capacity = 3
    history.happen(idle(200), idle(201), clone(100, 202))
    assert history.batch.process.tolist()[1] == -1
    assert history.thread(202, 2) is None


def test_an_unknown_event_type_is_refused() -> None:
    history = History()
    history.happen(idle(100))
    history.batch.types[0] = 60_000
    with pytest.raises(ValueError, match="60000"):
        history.tracker.track(history.batch)
