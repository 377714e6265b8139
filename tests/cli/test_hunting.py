"""``tiercel hunt``, ``sql`` and ``backtest``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command import tiercel
from tests.cli.test_scan import OPENS
from tiercel.errors import InputError
from tiercel.hunt.start import hunt
from tiercel.replay import Replay
from tiercel.store.ingest import ingest
from tiercel.store.manifest import Source
from tiercel.store.store import Store

Write = Callable[[str], Path]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory, capture: Path) -> Path:
    """The break-in, taken into a store."""
    made = Store.create(tmp_path_factory.mktemp("stores") / "store")
    ingest(made, Replay(capture, 10), Source("E1", capture.name))
    return made.path


def test_hunting_with_rules_is_scanning(store: Path, capture: Path, rules: Write) -> None:
    path = rules(OPENS)
    for options in ([], ["--json"], ["--json", "--all-matches"], ["-o", "priority=warning"]):
        hunted, scanned = tiercel("hunt", store, "-r", path, *options), tiercel("scan", capture, "-r", path, *options)
        assert (hunted.code, hunted.stderr) == (0, "")
        assert hunted.stdout == scanned.stdout
        assert hunted.lines
    counted = tiercel("hunt", store, "-r", path, "--count")
    assert [line.split(maxsplit=1) for line in counted.lines] == [["1", "Shadow"], ["1", "Any open"]]
    as_json = tiercel("hunt", store, "-r", path, "--count", "--json", "--workers", "1")
    assert [json.loads(line) for line in as_json.lines] == [
        {"rule": "Shadow", "count": 1},
        {"rule": "Any open", "count": 1},
    ]


def test_hunting_with_a_condition_is_printing_events(store: Path, capture: Path) -> None:
    for options in ([], ["-p", "%evt.num %proc.name %fd.name"], ["-p", "%evt.num %fd.name", "--json"]):
        for condition in ([], ["evt.type = openat or proc.name = nginx"]):
            hunted = tiercel("hunt", store, *condition, *options)
            assert (hunted.code, hunted.stderr) == (0, "")
            assert hunted.stdout == tiercel("events", capture, *condition, *options).stdout
    assert tiercel("hunt", store, "evt.type = openat", "--count").stdout == "2\n"
    assert tiercel("hunt", store, "evt.type = openat", "--count", "--json").stdout == '{"count": 2}\n'


def test_a_part_of_the_store(store: Path) -> None:
    def found(*options: str) -> list[str]:
        return tiercel("hunt", store, "evt.type = openat", "-p", "%fd.name", *options).lines

    assert found("--host", "web-1", "--container", "web") == ["/etc/shadow"]
    assert found("--since", "2026-01-01T00:00:00.00001") == ["/tmp/x"]
    assert found("--until", "2026-01-01T00:00:00.00001") == ["/etc/shadow"]
    assert found("--evidence", "E1", "--since", "2026-02-01") == []


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--host", "wbe-1"), "--host wbe-1: no such host in the store; it knows web-1"),
        (("--evidence", "E099"), "--evidence E099: no such evidence in the store; it knows E1"),
        (("--container", "wbe"), "--container wbe: no such container in the store; it knows web"),
        (("--pod", "none"), "--pod none: no such pod in the store; it knows none"),
    ],
)
def test_a_name_the_store_does_not_know_is_no_empty_answer(
    store: Path, rules: Write, option: tuple[str, str], said: str
) -> None:
    path = rules(OPENS)
    commands: list[tuple[object, ...]] = [("hunt", store), ("hunt", store, "-r", path, "--count")]
    commands += [("backtest", path, store)]
    if option[0] != "--evidence":
        commands += [("case", view, store) for view in ("timeline", "files", "network", "users")]
    for command in commands:
        ran = tiercel(*command, *option)
        assert (ran.code, ran.stdout) == (1, "")
        assert said in ran.stderr
    with pytest.raises(InputError, match="no such"):
        list(hunt(store, **{option[0].removeprefix("--"): option[1]}))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["proc.nmae = cat"], 1, "filter:1:1: "),
        (["--since", "soon"], 1, "'soon' is no time: write "),
        (["-r", "none.yaml"], 1, "none.yaml: no such file"),
        (["-r", "none.yaml", "-p", "%evt.num"], 2, "-p goes with a condition"),
        (["-p", "%evt.tpye"], 1, "-p:1:"),
        (["--workers", "0"], 2, "--workers"),
    ],
)
def test_bad_hunts(store: Path, arguments: list[str], code: int, said: str) -> None:
    ran = tiercel("hunt", store, *arguments)
    assert (ran.code, ran.stdout) == (code, "")
    assert said in ran.stderr


def test_a_target_that_is_none(tmp_path: Path) -> None:
    for command in (["hunt"], ["sql"], ["backtest", tmp_path]):
        ran = tiercel(*command, tmp_path / "none")
        assert (ran.code, ran.stdout) == (1, "")
        assert ran.stderr == f"tiercel: {tmp_path}/none: no such directory\n"


def test_sql(store: Path) -> None:
    query = "SELECT num, ts, proc_name, fd_name FROM events WHERE type = 'openat' ORDER BY num"
    assert tiercel("sql", store, query).lines == [
        "num  ts                              proc_name  fd_name",
        "---  ------------------------------  ---------  -----------",
        " 10  2026-01-01T00:00:00.000009000Z  sh         /etc/shadow",
        " 27  2026-01-01T00:00:00.000026000Z  curl       /tmp/x",
    ]
    assert [json.loads(line) for line in tiercel("sql", store, query, "--json").lines][1] == {
        "num": 27,
        "ts": "2026-01-01T00:00:00.000026000Z",
        "proc_name": "curl",
        "fd_name": "/tmp/x",
    }
    table = list(csv.DictReader(io.StringIO(tiercel("sql", store, query, "--csv").stdout)))
    assert [row["fd_name"] for row in table] == ["/etc/shadow", "/tmp/x"]


def test_sql_shows_no_control_characters(store: Path) -> None:
    ran = tiercel("sql", store, "SELECT chr(27) || '[31m' || chr(10) || chr(8238) AS evil, 1 AS one")
    assert ran.lines[2] == r"\x1b[31m\n\u202e    1"


def test_values_of_all_kinds(store: Path) -> None:
    query = (
        "SELECT NULL AS nothing, 1.5 AS number, true AS truth, [1, NULL] AS list, {'a': '\\x00'::BLOB} AS structure,"
        " '\\xff'::BLOB AS bytes, DATE '2026-01-01' AS day, 170141183460469231731687303715884105727 AS huge,"
        " 'nan'::DOUBLE AS nan"
    )
    assert json.loads(tiercel("sql", store, query, "--json").stdout) == {
        "nothing": None,
        "number": 1.5,
        "truth": True,
        "list": [1, None],
        "structure": {"a": "\0"},
        "bytes": {"base64": "/w=="},
        "day": "2026-01-01",
        "huge": json.loads(tiercel("sql", store, query, "--json").stdout)["huge"],
        "nan": None,
    }
    assert tiercel("sql", store, query).code == tiercel("sql", store, query, "--csv").code == 0


def test_views_are_listed(store: Path) -> None:
    for arguments in ([], ["--views"], ["SELECT 1", "--views"]):
        listed = tiercel("sql", store, *arguments)
        assert listed.lines[0] == "events: All events, with the process and the descriptor each is about."
        assert any(line.split()[:2] == ["proc_cmdline", "VARCHAR"] for line in listed.lines)
    as_json = [json.loads(line) for line in tiercel("sql", store, "--json").lines]
    assert [view["view"] for view in as_json][:3] == ["events", "processes", "files"]


def test_bad_queries(store: Path) -> None:
    for query in ("SELEC 1", "SELECT nope FROM events", "SELECT * FROM read_text('/etc/passwd')", "DROP VIEW events"):
        ran = tiercel("sql", store, query)
        assert (ran.code, ran.stdout) == (1, "")
        assert ran.stderr.startswith("tiercel: ")
        assert "root:" not in ran.stderr
    failing = tiercel("sql", store, "SELECT CAST(type AS INTEGER) AS n FROM events")
    assert failing.code == 1
    assert failing.stderr.startswith("tiercel: Could not convert string")
    assert tiercel("sql", store, "SELECT 1", "--json", "--csv").code == 2


def test_backtest(store: Path, rules: Write, tmp_path: Path) -> None:
    old = tmp_path / "old.yaml"
    old.write_text(OPENS)
    new = rules(OPENS.replace("evt.type = openat\n", "evt.type = openat and not proc.name = curl\n"))
    ran = tiercel("backtest", new, "--against", old, store)
    assert ran.code == 0
    assert ran.lines[0].strip() == "1  Shadow [Warning]  (was 1: 0 added, 0 removed)"
    assert ran.lines[1].strip() == ("0  Any open [Informational]  (was 1: 0 added, 1 removed)  rule changed: condition")
    assert ran.lines[2].lstrip().startswith("- 00:00:00.000026000: Informational two /tmp/x")
    assert "0 alerts added, 1 removed" in ran.lines[-2]
    assert ran.lines[-1].strip() == "rules changed: Any open"
    entries = {}
    for line in tiercel("backtest", new, store, "--against", old, "--json", "--samples", "1").lines:
        entry = json.loads(line)
        entries[entry["rule"]] = entry
    assert entries["Any open"]["removed"] == 1
    assert json.loads(entries["Any open"]["samples"]["removed"][0])["output_fields"]["fd.name"] == "/tmp/x"
    assert {"field": "proc.name", "value": "sh", "alerts": 1, "share": 1.0} in entries["Shadow"]["noise"]


def test_backtest_without_rules(store: Path, rules: Write) -> None:
    assert tiercel("backtest", store).code == 2
    broken = rules(
        "- rule: R\n  desc: d\n  condition: evt.type = open and proc.nmae = a\n  output: o\n  priority: INFO\n"
    )
    ran = tiercel("backtest", broken, store)
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr.splitlines()[-1] == "tiercel: the rules do not load: mend the errors above"
