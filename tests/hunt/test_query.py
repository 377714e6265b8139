"""SQL over a store: right joins, nothing else within reach."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.hunt.conftest import Tell
from tiercel.capture.scenario import Scenario
from tiercel.errors import InputError
from tiercel.hunt.query import Queries
from tiercel.hunt.views import VIEWS, document
from tiercel.replay import Replay
from tiercel.store.store import Store


def rows(store: Store, sql: str) -> list[dict[str, Any]]:
    with Queries(store) as queries:
        return queries.run(sql).read_all().to_pylist()


def one(store: Store, sql: str) -> dict[str, Any]:
    (row,) = rows(store, sql)
    return row


def test_events_with_process_file_user_and_container(story: Store) -> None:
    row = one(
        story,
        "SELECT num, ts_ns, type, res, proc_name, proc_cmdline, proc_pname, fd_name, fd_type, user_name,"
        " container_name, container_image, host FROM events WHERE fd_name = '/etc/shadow' AND type = 'openat'",
    )
    assert row == {
        "num": 10,
        "ts_ns": 1_767_225_600_000_009_000,
        "type": "openat",
        "res": row["res"],
        "proc_name": "sh",
        "proc_cmdline": "sh -c cat /etc/shadow",
        "proc_pname": "nginx",
        "fd_name": "/etc/shadow",
        "fd_type": "file",
        "user_name": "root",
        "container_name": "web",
        "container_image": "nginx:1.25",
        "host": "web-1",
    }
    assert row["res"] >= 0


def test_every_event_is_there_once_with_all_columns(story: Store, story_path: Path) -> None:
    events = sum(int(batch.visible.sum()) for batch in Replay(story_path))
    assert len(rows(story, "SELECT * FROM events")) == events
    assert one(story, "SELECT count(*) AS n FROM events") == {"n": events}


def test_a_user_of_the_process_as_of_the_event(story: Store) -> None:
    found = rows(story, "SELECT DISTINCT user_name, user_uid FROM events WHERE proc_name = 'bash' ORDER BY user_uid")
    assert found == [{"user_name": "root", "user_uid": 0}, {"user_name": "app", "user_uid": 1000}]


def test_network(story: Store) -> None:
    row = one(story, "SELECT * FROM network WHERE act = 'connect' AND proc_name = 'curl'")
    assert (row["server_ip"], row["server_port"], row["protocol"]) == ("203.0.113.9", 80, "tcp")
    assert row["name"].endswith("->203.0.113.9:80")
    listening = one(story, "SELECT server_ip, server_port, client_ip FROM network WHERE act = 'listen'")
    assert listening == {"server_ip": "0.0.0.0", "server_port": 80, "client_ip": None}


def test_files_changed(story: Store) -> None:
    found = rows(story, "SELECT act, path, proc_name FROM files_changed ORDER BY num")
    assert found == [
        {"act": found[0]["act"], "path": "/tmp/x", "proc_name": "curl"},
        {"act": "chmod", "path": "/tmp/x", "proc_name": "bash"},
    ]
    assert found[0]["act"] in ("create", "write")


def test_timeline(story: Store) -> None:
    found = rows(story, "SELECT kind, what, target FROM timeline ORDER BY ts")
    assert {"kind": "exec", "what": "curl -o x http://203.0.113.9/x", "target": None} in found
    assert {"kind": "rename", "what": "/tmp/x", "target": "/usr/bin/y"} in found
    assert {"kind": "ptrace", "what": None, "target": None} in found


def test_dimensions(story: Store) -> None:
    assert one(story, "SELECT DISTINCT name, image FROM containers") == {"name": "web", "image": "nginx:1.25"}
    assert {"name": "app", "id": 1000} in rows(story, "SELECT DISTINCT name, id FROM users WHERE kind = 'user'")
    descriptor = rows(story, "SELECT DISTINCT kind, name FROM descriptors WHERE name = '/etc/shadow'")
    assert descriptor == [{"kind": "file", "name": "/etc/shadow"}]
    assert rows(story, "SELECT * FROM alerts") == []


def test_addresses_as_they_are_written(story: Store) -> None:
    for packed, text in (
        (r"\x7f\x00\x00\x01", "127.0.0.1"),
        (r"\x00" * 16, "::"),
        (r"\x00" * 15 + r"\x01", "::1"),
        (r"\x20\x01\x0d\xb8" + r"\x00" * 6 + r"\x0a\xb0\x00\x00\x00\x01", "2001:db8::ab0:0:1"),
        (r"\xfe\x80" + r"\x00" * 13 + r"\x02", "fe80::2"),
        (r"\x00\x01" * 8, "1:1:1:1:1:1:1:1"),
    ):
        assert one(story, f"SELECT ip_text('{packed}'::BLOB) AS ip") == {"ip": text}


def test_text_that_is_no_utf8(tell: Tell) -> None:
    told = Scenario("odd")
    shell = told.process("/bin/sh")
    shell.rename("/tmp/\udcff'; --", "/tmp/b")
    store = tell(told)
    assert one(store, "SELECT path, target FROM files_changed") == {"path": r"/tmp/\xFF\x27; --", "target": "/tmp/b"}


def test_several_stories_do_not_mix(tell: Tell) -> None:
    for host, program in (("one", "/usr/bin/alpha"), ("two", "/usr/bin/beta")):
        told = Scenario(host)
        told.process("/sbin/init").spawn(program).open("/etc/hosts")
        store = tell(told)
    found = rows(store, "SELECT host, proc_name, proc_pname, fd_name FROM events WHERE type = 'openat' ORDER BY host")
    assert found == [
        {"host": "one", "proc_name": "alpha", "proc_pname": "init", "fd_name": "/etc/hosts"},
        {"host": "two", "proc_name": "beta", "proc_pname": "init", "fd_name": "/etc/hosts"},
    ]


def test_every_view_names_the_evidence(tell: Tell) -> None:
    for host in ("one", "two"):
        told = Scenario(host)
        told.process("/sbin/init").spawn("/bin/sh").rename("/tmp/a", "/tmp/b")
        store = tell(told)
    for name in ("events", "processes", "files_changed", "timeline"):
        found = rows(store, f"SELECT DISTINCT evidence FROM {name} ORDER BY evidence")
        assert found == [{"evidence": "E1"}, {"evidence": "E2"}], name
    assert all("evidence" in {column.name for column in view.columns} for view in VIEWS.values())


def test_an_empty_store(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    for view in VIEWS:
        assert rows(store, f"SELECT * FROM {view}") == []


def test_views_describe_themselves(story: Store) -> None:
    for view in VIEWS.values():
        described = rows(story, f"DESCRIBE {view.name}")
        assert [row["column_name"] for row in described] == [column.name for column in view.columns]
        assert [row["column_type"] for row in described] == [column.type for column in view.columns]
    assert "## events" in document()
    assert "| `proc_pname` | VARCHAR | proc.pname, the parent's name as of the event |" in document()


def test_a_query_reads_only_the_columns_it_names(story: Store) -> None:
    plain = VIEWS["events"].select({"type"})
    assert "JOIN" not in plain
    named = VIEWS["events"].select({"container_name"})
    assert named.count("JOIN") == 3
    assert one(story, "SELECT e FROM events e WHERE num = 10")["e"]["fd_name"] == "/etc/shadow"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_blob('/proc/self/environ')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM read_text('{store}/../../../../../../../../etc/passwd')",
        "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')",
        "COPY (SELECT 1) TO '{store}/x.csv'",
        "CREATE TABLE t AS SELECT 1",
        "ATTACH '{store}/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET memory_limit = '100GB'",
        "PRAGMA database_list",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{store}/x.csv'",
        "SELECT 1; DROP VIEW events",
        "SELECT getenv('HOME')",
        "DELETE FROM events",
        "",
        "SELEC",
    ],
)
def test_a_hostile_query_gets_nowhere(story: Store, query: str) -> None:
    before = sorted(story.path.rglob("*"))
    with pytest.raises(InputError):
        rows(story, query.format(store=story.path))
    assert sorted(story.path.rglob("*")) == before


def test_the_same_behind_the_first_check(story: Store) -> None:
    """Binding against empty tables already refuses files; the database that reads the store does so too."""
    with Queries(story) as queries:
        for query in ("SELECT * FROM read_text('/etc/passwd')", "SET enable_external_access = true"):
            with pytest.raises(Exception, match=r"Permission|disabled|locked"):
                queries._connection.execute(query)


def test_a_mistake_is_shown_where_it_is(story: Store) -> None:
    with pytest.raises(InputError) as raised:
        rows(story, "SELECT nope FROM events")
    message = str(raised.value)
    assert message.startswith('Referenced column "nope" not found')
    shown, caret = message.splitlines()[-2:]
    assert shown[caret.index("^") :].startswith("nope")
    assert json.dumps(message)
