"""Rules compiled ahead by another process."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.watching.watcher import RULE
from tiercel.rules import cache
from tiercel.watching.preparing import OwnCache, Preparing


@pytest.fixture
def preparing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Preparing:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "rules.yaml").write_text(RULE.format(name="Any", word="preparing"))
    return Preparing([str(tmp_path / "rules.yaml")], None, ["json_output=true"], every=True)


def test_what_was_read_ahead_is_found_compiled(preparing: Preparing) -> None:
    preparing.ahead()
    (entry,) = cache.folder().iterdir()
    compiled = entry.stat().st_mtime_ns
    detection = preparing.scan().detection
    assert detection is not None
    assert [rule.name for rule in detection.rules] == ["Any"]
    assert detection.style.json
    assert [(path, path.stat().st_mtime_ns) for path in cache.folder().iterdir()] == [(entry, compiled)]


def test_it_can_be_given_up(preparing: Preparing) -> None:
    began = time.monotonic()
    preparing.ahead(lambda: True)
    assert time.monotonic() - began < 10
    assert not cache.folder().exists()


def test_paths_are_those_of_rules_and_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rules, config = tmp_path / "rules.yaml", tmp_path / "falco.yaml"
    rules.write_text(RULE.format(name="Any", word="preparing"))
    config.write_text(f"rules_files: [{tmp_path}/absent.yaml]\n")
    preparing = Preparing([str(rules)], str(config))
    assert preparing.paths(preparing.scan()) == [str(rules), str(config), f"{tmp_path}/absent.yaml"]


def test_where_nothing_can_be_kept_a_folder_of_its_own_serves_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    own = OwnCache()
    assert os.environ["XDG_CACHE_HOME"] == own.folder
    assert Path(own.folder).stat().st_mode & 0o777 == 0o700
    own.close()
    assert not Path(own.folder).exists()
