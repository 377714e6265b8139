"""When a change of files counts."""

from __future__ import annotations

import os
from pathlib import Path

from tiercel.watching.changes import Changes


def test_a_change_counts_once_when_it_has_come_to_rest(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("a")
    changes = Changes([str(path)])
    assert not changes.due()
    path.write_text("ab")
    assert not changes.due()  # it may still be written
    path.write_text("abc")
    assert not changes.due()
    assert changes.due()
    assert not changes.due()


def test_what_appears_and_what_goes_counts(tmp_path: Path) -> None:
    path, folder = tmp_path / "falco.yaml", tmp_path / "rules.d"
    folder.mkdir()
    changes = Changes([str(path), str(folder)])
    path.write_text("")
    assert [changes.due(), changes.due()] == [False, True]
    (folder / "a.yaml").write_text("")
    assert [changes.due(), changes.due()] == [False, True]
    path.unlink()
    assert [changes.due(), changes.due()] == [False, True]
    assert not changes.due()


def test_another_file_of_the_same_size_and_time_is_another_file(tmp_path: Path) -> None:
    path, other = tmp_path / "rules.yaml", tmp_path / "other.yaml"
    for file in (path, other):
        file.write_text("same")
        os.utime(file, ns=(10**18, 10**18))
    changes = Changes([str(path)])
    os.rename(other, path)
    assert [changes.due(), changes.due()] == [False, True]


def test_following_other_paths_forgets_no_change_of_those_before(tmp_path: Path) -> None:
    path, more = tmp_path / "rules.yaml", tmp_path / "more.yaml"
    path.write_text("a")
    changes = Changes([str(path)])
    path.write_text("ab")
    more.write_text("x")
    changes.follow([str(path), str(more)])
    assert changes.due()
    assert not changes.due()
