"""Stores that hunts are tried on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.capture.stories import break_in
from tiercel.capture.scenario import Scenario
from tiercel.replay import Replay
from tiercel.store.ingest import ingest
from tiercel.store.manifest import Source
from tiercel.store.store import Store

Tell = Callable[..., Store]


@pytest.fixture(scope="session")
def story_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A break-in, as a capture."""
    path = tmp_path_factory.mktemp("captures") / "break-in.scap"
    break_in().write(path)
    return path


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory, story_path: Path) -> Store:
    """The break-in, in segments of a few events each."""
    store = Store.create(tmp_path_factory.mktemp("store") / "store")
    ingest(store, Replay(story_path, 10), Source("E1", "break-in.scap"))
    return store


@pytest.fixture
def tell(tmp_path: Path) -> Tell:
    """Take stories into one store, each as a piece of evidence of its own."""
    store = Store.create(tmp_path / "store")
    told: list[Scenario] = []

    def take(story: Scenario, size: int = 1 << 18) -> Store:
        told.append(story)
        path = tmp_path / f"{len(told)}.scap"
        story.write(path)
        ingest(store, Replay(path, size), Source(f"E{len(told)}", path.name))
        return store

    return take
