"""Commands shown in the documentation print what it shows, and its links lead somewhere."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import tiercel

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MISSPELT = """\
- rule: r
  desc: d
  condition: evt.type = execve and proc.nmae = bash
  output: x
  priority: INFO
"""


def shown() -> list[object]:
    """Return each ``$ tiercel`` command of the README and the guide with what is shown under it."""
    found: list[object] = []
    written = "".join((ROOT / page).read_text() for page in ("README.md", "docs/investigate.md"))
    for block in re.findall(r"^```text\n(.*?)^```", written, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            program, *arguments = shlex.split(command)
            if program == "tiercel":
                found.append(pytest.param(arguments, output, id=command))
    return found


def pattern(output: str) -> str:
    """Return a regular expression for a shown output, in which an ellipsis stands for anything."""
    lines = [re.escape(line.rstrip()).replace("…", ".*") for line in output.strip("\n").splitlines()]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with everything the README's commands name."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "examples", folder / "examples")
    (folder / "mine.yaml").write_text(MISSPELT)
    sys.path.insert(0, str(ROOT / "examples"))
    try:
        from demo import break_in  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    break_in().write(folder / "break-in.scap")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIERCEL_KEY", str(folder / "key.pem"))
        ran = tiercel("investigate", "break-in.scap", "--examiner", "A. Name", "-o", "web-shop", cwd=folder)
        assert ran.code == 0, ran.stderr
        yield folder


@pytest.mark.parametrize(("arguments", "output"), shown())
def test_shows_what_is_printed(folder: Path, arguments: list[str], output: str, tmp_path: Path) -> None:
    if arguments[0] == "investigate":  # makes what the other commands work on
        folder = Path(shutil.copytree(folder, tmp_path / "anew", ignore=shutil.ignore_patterns("web-shop")))
    ran = tiercel(*arguments, cwd=folder)
    printed = "\n".join(line.rstrip() for line in (ran.stderr + ran.stdout).splitlines())
    said = "\n".join(line.rstrip() for line in (ran.stdout + ran.stderr).splitlines())
    if output.strip():
        assert any(re.match(pattern(output), text, re.DOTALL) for text in (printed, said)), said


def test_the_python_example(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed = re.findall(
        r"^```python\n(.*?)^```\n\n```text\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )[0]
    monkeypatch.chdir(folder)
    exec(code, {})
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target
