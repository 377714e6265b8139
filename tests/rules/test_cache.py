"""Compiled rule sets kept between runs."""

from __future__ import annotations

import os
import pickle

import pytest

from tests.rules.sample import rule
from tiercel.rules.cache import folder, load_cached
from tiercel.rules.extra_output import AppendOutput, ExtraOutput

TEXT = (
    "- list: l\n  items: [a, b]\n- macro: m\n  condition: proc.name in (l) and not container.id exists\n"
    + rule("A", "evt.type in (open, openat) and m and fd.rnet = 10.0.0.0/8 or tolower(proc.name) startswith x")
    + rule("B", "proc.aname[2] = sh", "  tags: [t]\n")
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def test_rules_and_verdicts_come_back_equal(file, cache):
    first, second = load_cached([file], cache=cache), load_cached([file], cache=cache)
    assert first.compilation is not None
    assert second.compilation is None
    assert len(second.rules) == 2
    for one, other in zip(first.rules, second.rules, strict=True):
        for name in one.__slots__:
            assert getattr(one, name) == getattr(other, name)
    assert first.macros == second.macros
    assert first.lists == second.lists
    assert [one.as_json() for one in first.verdicts] == [one.as_json() for one in second.verdicts]


def test_anything_that_matters_makes_another_entry(file, cache):
    load_cached([file], cache=cache)
    assert load_cached([file], cache=cache, strict=True).compilation is not None
    extra = ExtraOutput((AppendOutput(extra_output="a"),))
    assert load_cached([file], cache=cache, extra=extra).compilation is not None
    assert load_cached([file], cache=cache, extra=ExtraOutput((), {"a": "1"})).compilation is not None
    file.write_text(TEXT + "# more\n")
    assert load_cached([file], cache=cache).compilation is not None
    assert len(list(cache.iterdir())) == 5


def test_entries_are_private(file, cache):
    load_cached([file], cache=cache)
    (entry,) = cache.iterdir()
    assert entry.stat().st_mode & 0o777 == 0o600
    assert cache.stat().st_mode & 0o777 == 0o700


class Bomb:
    def __reduce__(self):
        return os.mkdir, (os.environ["BOMB"],)


@pytest.mark.parametrize("content", [b"", b"x", b"\x80\x05.", pickle.dumps((1, 2)), None])
def test_a_damaged_or_planted_entry_is_ignored(file, cache, monkeypatch, tmp_path, content):
    monkeypatch.setenv("BOMB", str(tmp_path / "went off"))
    load_cached([file], cache=cache)
    (entry,) = cache.iterdir()
    entry.write_bytes(pickle.dumps(Bomb()) if content is None else content)
    loaded = load_cached([file], cache=cache)
    assert len(loaded.rules) == 2
    assert loaded.compilation is not None
    assert not (tmp_path / "went off").exists()


def test_an_entry_others_can_write_is_not_trusted(file, cache):
    load_cached([file], cache=cache)
    (entry,) = cache.iterdir()
    entry.chmod(0o622)
    assert load_cached([file], cache=cache).compilation is not None
    cache.chmod(0o777)
    assert load_cached([file], cache=cache).compilation is not None


def test_rules_that_do_not_load_are_not_kept(tmp_path, cache):
    path = tmp_path / "bad.yaml"
    path.write_text("- rule: x\n")
    assert not load_cached([path], cache=cache).successful
    assert not cache.exists()


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert folder() == tmp_path / "tiercel/rules"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/x")
    assert str(folder()) == "/home/x/.cache/tiercel/rules"


def test_a_cache_that_cannot_be_written_is_no_error(file, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert len(load_cached([file], cache=blocked / "rules").rules) == 2
