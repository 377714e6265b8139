"""The outputs of a watch, which can be exchanged for others while it goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from tiercel.config import Config
from tiercel.errors import InputError
from tiercel.outputs.alert import Alert
from tiercel.outputs.channels.front import Outputs
from tiercel.watching.loop import Watch

log = logging.getLogger("tiercel.outputs")

Opening = Callable[[Config, bool], AbstractContextManager[Outputs | None]]
"""Opens what a configuration asks for, alerts being JSON or not; None when it asks for nothing."""

_PATIENCE = 2.0  # seconds that outputs without a folder have to deliver what waits in memory


class Held:
    """Stands in for outputs that are being opened: keeps alerts until they are."""

    def __init__(self) -> None:
        self.alerts: list[tuple[bytes, Alert]] = []

    def send(self, line: bytes, alert: Alert) -> str:
        self.alerts.append((line, alert))
        return ""


class Delivering:
    """The outputs as they are at present: ``outputs``, None when there are none.

    Raises:
        InputError: an address, file or certificate cannot be used.
    """

    def __init__(self, opening: Opening, config: Config, json: bool) -> None:
        self._opening = opening
        self._open = ExitStack()
        self._config, self._json = config, json
        self.outputs = self._enter(config, json)

    def _enter(self, config: Config, json: bool) -> Outputs | None:
        return self._open.enter_context(self._opening(config, json))

    def differs(self, config: Config, json: bool) -> bool:
        """Say whether a configuration asks for other outputs than there are."""
        asked, given = config.outputs, self._config.outputs
        return bool(asked.names or given.names) and (asked, json) != (given, self._json)

    def exchange(self, watch: Watch, config: Config, json: bool) -> str:
        """Open the outputs that a configuration asks for in place of those there are; not for the thread of the loop.

        Alerts that come meanwhile are kept and sent on; those that wait stay in the queue's folder. Outputs that
        have none, and cannot deliver what waits in memory, stay as they are.

        Returns:
            what to tell when that cannot be, empty when it was done.
        """
        old = self.outputs
        if old is not None and not old.settings.queue.path and not old.flush(_PATIENCE):
            return "alerts wait in memory for outputs that were changed: restart to change them"
        held = Held()
        _in_loop(watch, lambda: setattr(watch, "outputs", held))
        self._open.close()
        error = ""
        try:
            self.outputs = self._enter(config, json)
            self._config, self._json = config, json
        except InputError as caught:
            error = f"{caught}; the outputs stay as they were"
            self.outputs = self._again()

        def give_back() -> None:
            watch.outputs = self.outputs
            if self.outputs is not None:
                for line, alert in held.alerts:
                    self.outputs.send(line, alert)

        _in_loop(watch, give_back)
        return error

    def _again(self) -> Outputs | None:
        try:
            return self._enter(self._config, self._json)
        except InputError as error:
            log.error("no alert is delivered from now on: %s", error)
            return None

    def close(self) -> None:
        """End. What is not delivered stays in the folder."""
        self._open.close()


def _in_loop(watch: Watch, call: Callable[[], None]) -> None:
    """Have the thread of the loop do something; return when it did, or does not go round any more."""
    done = threading.Event()

    def then() -> None:
        call()
        done.set()

    watch.later(then)
    while not done.wait(0.2):
        if watch.ended:
            return
