"""The image's Dockerfile: linted, and those of its steps tried that take no container engine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.cli.command import tiercel
from tiercel.config import load_config

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy/container/Dockerfile"
HADOLINT = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def sent() -> set[Path]:
    """Return the files that are sent to the build: those that .dockerignore names again, and of them not all."""
    everything, *lines = (ROOT / ".dockerignore").read_text().split()
    assert everything == "*"
    left_out = [line.removeprefix("**/") for line in lines if not line.startswith("!")]
    found: set[Path] = set()
    for line in lines:
        if line.startswith("!"):
            place = ROOT / line[1:]
            assert place.exists(), line
            found.update(path for path in (place.rglob("*") if place.is_dir() else [place]) if path.is_file())
    return {
        path for path in found
        if not any(fnmatch(part, pattern) for pattern in left_out for part in path.relative_to(ROOT).parts)
    }  # fmt: skip


@pytest.mark.skipif(HADOLINT is None, reason="takes hadolint")
def test_hadolint_has_nothing_to_say() -> None:
    done = subprocess.run([str(HADOLINT), "--no-color", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_copied_is_sent_to_the_build() -> None:
    for line in re.findall(r"(?m)^COPY (?!--from)(\S+) ", DOCKERFILE.read_text()):
        assert line == "." or ROOT / line in sent(), line


def test_what_is_sent_builds_a_wheel_that_can_watch(tmp_path: Path) -> None:
    for path in sent():
        copy = tmp_path / "context" / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path,
         tmp_path / "context"],
        check=True, capture_output=True, env={**os.environ, "TIERCEL_PURE": "1"},
    )  # fmt: skip
    (wheel,) = tmp_path.glob("tiercel-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    live = "tiercel/sources/live"
    assert {f"{live}/probe.x86_64.o", f"{live}/probe.aarch64.o", f"{live}/calls.txt"} <= names
    assert {"tiercel/content/rules.yaml", "tiercel/wire/events.txt"} <= names
    entry = next(name for name in names if name.endswith("entry_points.txt"))
    assert "tiercel = tiercel.cli.main:main" in zipfile.ZipFile(wheel).read(entry).decode()


def test_the_rules_are_where_the_chart_expects_them() -> None:
    text = DOCKERFILE.read_text()
    assert 'ln -s "$(tiercel rules path)" /usr/share/tiercel/rules.yaml' in text
    assert Path(tiercel("rules", "path").stdout.strip()).is_file()
    assert "/usr/share/tiercel/rules.yaml" in (ROOT / "deploy/helm/tiercel/templates/_names.tpl").read_text()


def test_it_starts_with_the_configuration_that_comes_along() -> None:
    text = DOCKERFILE.read_text()
    assert "COPY deploy/tiercel.yaml /etc/tiercel/tiercel.yaml" in text
    assert 'CMD ["watch", "--config", "/etc/tiercel/tiercel.yaml"]' in text
    port = load_config(ROOT / "deploy/tiercel.yaml", environment={}).webserver.listen_port
    assert f"EXPOSE {port}" in text
