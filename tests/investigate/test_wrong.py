"""What a tired person types, and what is said then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import SOURCE, Ran, tiercel
from tests.investigate.conftest import Investigation
from tests.investigate.evidence import alerts

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("investigate",), 2, "Missing argument"),
        (("investigate", "nowhere", "-o", "made"), 1, "tiercel: nowhere: No such file or directory\ntiercel: no case"),
        (("investigate", "seized/pipe", "-o", "made"), 1, "is a pipe"),
        (("investigate", "seized/empty", "-o", "case"), 1, "case: holds something already"),
        (("case", "verify", "seized"), 1, "seized: no case"),
        (("case", "timeline", "nowhere"), 1, "nowhere: no such directory"),
        (("case", "timeline", "case", "--kind", "exce"), 1, "--kind exce: no such kind of act; there are fork, exec"),
        (("case", "tree", "case", "--alert", "999"), 1, "there is no alert 999"),
        (("case", "graph", "case", "--format", "png"), 2, "use one of dot, json, graphml, svg"),
        (("case", "report", "case", "--format", "docx"), 2, "is none of html, markdown"),
        (("hunt", "case", "proc.nam = cat"), 1, "did you mean 'proc.name'"),
        (("hunt", "case", "--since", "yesterday"), 1, "'yesterday' is no time"),
        (("sql", "case", "drop table events"), 1, "a query has to be one SELECT"),
        (("sql", "case", "select * from read_csv('/etc/passwd')"), 1, "Cannot access file"),
        (("case", "import", "seized/random.bin", "made"), 1, "no .tar.zst, .tar.gz or .zip archive"),
        (("case", "add", "case", "case/case.json"), 1, "lies in the case already"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_mistakes(investigation: Investigation, arguments: tuple[str, ...], code: int, says: str) -> None:
    ran = investigation.run(*arguments)
    assert (ran.code, ran.stdout) == (code, "")
    assert says in ran.stderr
    assert not (investigation.case.parent / "made").exists()


def test_alerts_without_a_recording(tmp_path: Path) -> None:
    (tmp_path / "falco.log").write_bytes(b"\n".join(alerts()) + b"\n")
    ran = tiercel("investigate", "falco.log", "-o", "c", cwd=tmp_path, HOME=str(tmp_path))
    assert ran.code == 0, ran.stderr
    assert ran.lines[-1].endswith(" alerts")


def test_a_home_that_may_not_be_entered(tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.touch()
    ran = tiercel("case", "new", "c", cwd=tmp_path, HOME=str(home))
    assert (ran.code, ran.stdout) == (1, "")
    assert "no signing key can be made there" in ran.stderr
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("command", ["case timeline case", "hunt case", "sql case --json 'from events'"])
def test_a_reader_that_goes_away(investigation: Investigation, command: str) -> None:
    line = f"{sys.executable} -m tiercel {command} | head -1"
    ran = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, check=True, cwd=investigation.case.parent,
        env={"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin:/bin", "HOME": str(investigation.case.parent)}, timeout=60,
    )  # fmt: skip
    assert (len(ran.stdout.splitlines()), ran.stderr) == (1, "")


def test_times_are_utc_wherever_one_is(investigation: Investigation) -> None:
    commands = [("case", "timeline", "case"), ("sql", "case", "select ts from events order by ts limit 3")]
    for command in commands:
        here = investigation.run(*command)
        assert investigation.run(*command, TZ="America/New_York").stdout == here.stdout


def without(package: str, *arguments: str, cwd: Path) -> Ran:
    """Run ``tiercel`` as where a package is not installed."""
    code = f"import sys; sys.modules[{package!r}] = None; from tiercel.cli.main import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, cwd=cwd,
        env={"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin:/bin", "HOME": str(cwd)}, timeout=60,
    )  # fmt: skip
    return Ran(ran.returncode, ran.stdout, ran.stderr)


@pytest.mark.parametrize(
    ("package", "arguments"),
    [
        ("cryptography", ("investigate", "x")),
        ("cryptography", ("case", "status", "x")),
        ("duckdb", ("sql", "x")),
        ("pyarrow", ("hunt", "x")),
        ("pyarrow", ("case", "timeline", "x")),
        ("pyarrow", ("backtest", "x", "y")),
        ("blake3", ("case", "new", "x")),
    ],
)
def test_a_base_install_says_what_is_missing(package: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    ran = without(package, *arguments, cwd=tmp_path)
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr.endswith("pip install 'tiercel[case]'\n")
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("arguments", ["--help", "case --help", "scan seized/hostile.scap"])
def test_the_heavy_packages_wait_until_they_are_needed(investigation: Investigation, arguments: str) -> None:
    heavy = ["pyarrow", "duckdb", "cryptography", "jinja2", "blake3", "rfc3161_client"]
    code = (
        "import sys, atexit\n"
        f"atexit.register(lambda: print([name for name in {heavy} if name in sys.modules], file=sys.stderr))\n"
        "from tiercel.cli.main import main; main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments.split()], capture_output=True, text=True, check=True,
        cwd=investigation.case.parent, env={"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin:/bin"}, timeout=60,
    )  # fmt: skip
    assert ran.stderr == "[]\n"
