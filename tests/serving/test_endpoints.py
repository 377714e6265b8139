"""Whether a watch says truly how it is."""

from __future__ import annotations

import json
import time

from tests.recording.host import WEBSHELL, Recorded
from tests.reference import needs_reference
from tiercel.scanning import prepare
from tiercel.serving.endpoints import health
from tiercel.watching.loop import Watch


@needs_reference
def test_a_watch_whose_loop_does_not_go_round_is_not_well() -> None:
    detection = prepare([]).detection
    assert detection is not None
    watch = Watch(Recorded(WEBSHELL), detection)
    assert (health(watch).status, json.loads(health(watch).body)["reason"]) == (503, "the watch has not begun")
    watch.tick()
    assert (health(watch).status, health(watch).body) == (200, b'{"status": "ok"}')
    watch.ticked = time.monotonic() - 60
    assert (health(watch).status, json.loads(health(watch).body)["status"]) == (503, "error")
    assert "not gone round for 60 s" in json.loads(health(watch).body)["reason"]
    watch.run()
    assert json.loads(health(watch).body)["reason"] == "the watch has ended"
