"""A query sees what it reads; what it does not read costs it nothing."""

from __future__ import annotations

import pytest

from tiercel.hunt.query import Queries
from tiercel.store.store import Store


@pytest.mark.parametrize(
    ("sql", "filled"),
    [
        ("SELECT 1", set()),
        ("SELECT count(*) FROM events", {"events"}),
        ("SELECT count(*) FROM events WHERE proc_name = 'sh'", {"events", "processes", "strings"}),
        ("SELECT count(*) FROM stored.descriptors", {"descriptors"}),
        ("SELECT 1 FROM stored.files f WHERE EXISTS (SELECT 1 FROM stored.users)", {"files", "users"}),
        ("WITH e AS (SELECT num FROM events) SELECT count(*) FROM e JOIN stored.alerts a USING (num)",
         {"events", "alerts"}),
    ],
)  # fmt: skip
def test_only_tables_that_are_read_are_looked_at(story: Store, sql: str, filled: set[str]) -> None:
    with Queries(story) as queries:
        queries.run(sql).read_all()
        assert queries._filled.keys() == filled


def test_one_query_after_another_sees_what_it_reads(story: Store) -> None:
    with Queries(story) as queries:
        assert queries.run("SELECT count(*) FROM events").read_all().to_pylist() != [{"count_star()": 0}]
        names = queries.run("SELECT DISTINCT proc_name FROM events WHERE proc_name = 'nginx'").read_all()
        assert names.to_pylist() == [{"proc_name": "nginx"}]
        (counted,) = queries.run("SELECT (SELECT count(*) FROM stored.events) AS n, (SELECT count(*) FROM events) AS m"
                                 ).read_all().to_pylist()  # fmt: skip
        assert counted["n"] == counted["m"] > 0


def test_views_that_are_not_read_are_listed_all_the_same(story: Store) -> None:
    with Queries(story) as queries:
        rows = queries.run("SELECT DISTINCT table_name FROM information_schema.columns").read_all().to_pylist()
    assert {"events", "alerts", "timeline"} <= {row["table_name"] for row in rows}


@pytest.mark.parametrize(
    ("sql", "pruned"),
    [
        ("SELECT num FROM events WHERE proc_name = 'curl' ORDER BY num", True),
        ("SELECT num FROM events WHERE type = 'execve' AND proc_exepath = '/usr/bin/curl' ORDER BY num", True),
        ("SELECT num FROM events WHERE proc_name = 'curl' OR type = 'openat' ORDER BY num", False),
        ("SELECT num FROM events WHERE proc_name <> 'curl' ORDER BY num", False),
        ("SELECT num FROM events WHERE NOT (proc_name = 'curl') ORDER BY num", False),
        ("SELECT num FROM events WHERE proc_name = 'cu' || 'rl' ORDER BY num", None),
        ("SELECT num FROM (SELECT num FROM events WHERE proc_name = 'curl' UNION ALL SELECT num FROM events)"
         " ORDER BY 1", False),
        ("SELECT num FROM (SELECT num FROM events WHERE proc_name = 'curl' UNION ALL"
         " SELECT num FROM events WHERE proc_name = 'nginx') ORDER BY 1", None),
        ("SELECT e.num FROM events e LEFT JOIN events f ON f.num = e.num AND f.proc_name = 'curl' ORDER BY 1", False),
        ("SELECT num FROM events WHERE num NOT IN (SELECT num FROM events WHERE proc_name = 'curl') ORDER BY 1", False),
        ("SELECT proc_name, count(*) AS n FROM events GROUP BY proc_name HAVING proc_name = 'curl'", None),
    ],
)  # fmt: skip
def test_segments_without_the_name_are_left_out(
    story: Store, sql: str, pruned: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Queries(story) as queries:
        found = queries.run(sql).read_all().to_pylist()
        read = queries._filled["events"]
    monkeypatch.setattr(Queries, "_holding", lambda queries, asked: [segment.path for segment in queries.segments])
    with Queries(story) as queries:
        assert queries.run(sql).read_all().to_pylist() == found
        assert found
        if pruned is not None:
            assert (len(read) < len(queries.segments)) == pruned


def test_a_name_that_is_nowhere_finds_nothing(story: Store) -> None:
    with Queries(story) as queries:
        for _ in range(2):
            assert queries.run("SELECT * FROM events WHERE proc_name = 'nowhere'").read_all().num_rows == 0
            assert queries.run("SELECT * FROM events").read_all().num_rows > 0
