"""Fields about ancestors and leaders."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fields.oracle_values import values
from tests.fields.sample import Sample
from tiercel.fields.catalogue import FIELDS
from tiercel.model.event import Event

IN_NAMESPACE = 1 << 29


@pytest.fixture
def sample() -> Sample:
    sample = Sample()
    sample.process(1, COMM=b"systemd", CLONE_TS=0, ENV=b"TEAM=ops\0", SID=1, PGID=1, VPGID=1)
    sample.process(20, PTID=1, COMM=b"bash", ARGS=b"-l\0", CLONE_TS=100, SID=20, VPGID=20, PGID=20)
    sample.process(21, PID=20, PTID=1, COMM=b"helper", SID=20)
    sample.process(30, PTID=21, COMM=b"curl", SID=20, VPGID=30, PGID=20)
    return sample


def test_parent_is_the_main_thread_of_the_thread_named_as_parent(sample: Sample) -> None:
    assert sample.ask("proc.pname") == {1: None, 20: b"systemd", 21: b"systemd", 30: b"bash", -1: None}
    assert sample.ask("proc.ppid")[30] == 20
    assert sample.ask("proc.pcmdline")[30] == b"bash -l"
    assert sample.ask("proc.pvpid")[30] == 21


def test_ancestor_by_number(sample: Sample) -> None:
    assert [sample.ask("proc.aname", n)[30] for n in range(5)] == [b"curl", b"bash", b"systemd", None, None]
    assert sample.ask("proc.aname", 40)[30] is None
    assert sample.ask("proc.apid", 2)[30] == 1
    assert sample.ask("proc.aname", "1")[30] == b"bash"


def test_any_ancestor(sample: Sample) -> None:
    assert sample.ask("proc.aname") == {
        1: None,
        20: [b"systemd"],
        21: [b"systemd"],
        30: [b"helper", b"systemd"],
        -1: None,
    }
    assert sample.ask("proc.apid")[30] == [20, 1]


def test_output_joins_ancestors(sample: Sample) -> None:
    assert sample.shown("proc.aname", 30) == b"helper systemd"
    assert sample.shown("proc.acmdline", 20) == b"systemd"
    assert sample.shown("proc.apid", 30) == 30
    assert sample.shown("proc.aname", 1) is None
    assert sample.shown("proc.aname", 30, 2) == b"systemd"


def test_arguments_of_all_ancestors_are_one_text(sample: Sample) -> None:
    sample.process(40, PTID=30, COMM=b"sh")
    sample.process(50, PTID=20, COMM=b"sh")
    assert sample.ask("proc.aargs")[50] == b"-l "
    assert sample.ask("proc.aargs")[40] is None
    assert sample.ask("proc.aargs", 1)[50] == b"-l"


def test_environment_of_ancestors(sample: Sample) -> None:
    assert sample.ask("proc.aenv", "TEAM")[30] == b"ops"
    assert sample.ask("proc.aenv", "NONE")[30] == b""
    assert sample.ask("proc.aenv", 2)[30] == b"TEAM=ops"
    assert sample.ask("proc.aenv", 3)[30] is None
    assert sample.ask("proc.aenv")[30] == [b"", b"TEAM=ops"]
    assert sample.shown("proc.aenv", 1) == b"TEAM=ops"


def test_a_loop_ends_the_walk() -> None:
    sample = Sample()
    sample.process(5, PTID=6, COMM=b"a")
    sample.process(6, PTID=5, COMM=b"b")
    sample.process(7, PTID=7, COMM=b"self")
    sample.process(8, PTID=7, COMM=b"c")
    asked = sample.ask("proc.aname")
    assert asked[8] == [b"self"]
    assert asked[7] == [b"self"]
    assert asked[5]
    sample.ask("proc.loginshellid")
    assert sample.ask("proc.aname", 1000)[5] == b"a"


def test_a_long_lineage() -> None:
    sample = Sample()
    for tid in range(1, 101):
        sample.process(tid, PTID=tid - 1, COMM=str(tid).encode())
    assert sample.ask("proc.apid")[100] == list(range(99, 0, -1))


def test_login_shell_is_the_oldest(sample: Sample) -> None:
    sample.process(40, PTID=30, COMM=b"zsh")
    assert sample.ask("proc.loginshellid") == {1: None, 20: 20, 21: 20, 30: None, 40: 40, -1: None}


def test_duration_of_parent(sample: Sample) -> None:
    assert sample.ask("proc.ppid.duration")[30] == 900
    assert sample.ask("proc.ppid.duration")[20] == 3  # start unknown: what Falco then shows
    assert sample.ask("proc.ppid.ts") == {1: None, 20: 0, 21: 0, 30: 0, -1: None}


def test_leaders(sample: Sample) -> None:
    assert sample.ask("proc.sname") == {1: b"systemd", 20: b"bash", 21: b"bash", 30: b"bash", -1: None}
    assert sample.ask("proc.vpgid.name")[30] == b"curl"
    assert sample.ask("proc.pgid.name")[30] == b"bash"


def test_leader_inside_a_namespace_is_the_oldest_ancestor_that_shares_the_id() -> None:
    sample = Sample()
    sample.process(1, COMM=b"init", SID=1)
    sample.process(100, PTID=1, VTID=1, COMM=b"first", SID=1, FLAGS=IN_NAMESPACE)
    sample.process(101, PTID=100, VTID=2, COMM=b"second", SID=2, FLAGS=IN_NAMESPACE)
    sample.process(102, PTID=101, VTID=3, COMM=b"third", SID=2, FLAGS=IN_NAMESPACE)
    sample.process(103, PTID=102, VTID=4, COMM=b"fourth", SID=-1, FLAGS=IN_NAMESPACE)
    assert sample.ask("proc.sname") == {1: b"init", 100: b"init", 101: b"", 102: b"second", 103: b"", -1: None}


def test_ancestors_are_those_at_the_time_of_the_event(sample: Sample) -> None:
    events = len(sample.rows) + 1
    shell = sample.row(20, PTID=1, COMM=b"python", SID=20)
    sample.changes = [(events + 2, 20, shell)]  # the shell executes something else in the second round of events
    batch = sample.batch(times=3)
    at = np.arange(batch.count)
    curls = at[3::events]
    for name, expected in {
        "proc.pname": [b"bash", b"python", b"python"],
        "proc.sname": [b"bash", b"python", b"python"],
        "proc.loginshellid": [None, None, None],
        "proc.acmdline": [[b"helper", b"systemd"]] * 3,
    }.items():
        bulk = FIELDS[name].bulk
        assert bulk is not None
        assert [values(bulk(batch, at, None), batch)[i] for i in curls] == expected
        assert [FIELDS[name].row(Event(batch, int(i)), None) for i in curls] == expected
        assert values(bulk(batch, curls, None), batch) == expected
