"""Made-up captures, turned into scenes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tiercel.capture.scenario import Scenario
from tiercel.reconstruct.scene import Scene
from tiercel.replay import Replay

__all__ = ["Scenario", "acts", "scene_of"]


def scene_of(story: Scenario, **options: Any) -> Scene:
    """Return the scene of a story."""
    with tempfile.NamedTemporaryFile(suffix=".scap") as file:
        file.write(story.to_bytes())
        file.flush()
        return Scene.of(Replay(Path(file.name), **options))


def acts(story: Scenario, *columns: str, kind: str | None = None) -> list[Any]:
    """Return columns of the acts of a story, in order; of one kind where it is given."""
    rows = scene_of(story).acts.to_pylist()
    chosen = [row for row in rows if kind is None or row["kind"] == kind]
    return [row[columns[0]] if len(columns) == 1 else tuple(row[name] for name in columns) for row in chosen]
