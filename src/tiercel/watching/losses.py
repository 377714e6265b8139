"""What is done about events that were lost while watching: ``syscall_event_drops`` of the configuration.

Once a second what was lost since is compared with what came. Above ``threshold`` the actions are taken, as often as the
bucket of tokens allows: ``log`` and ``alert`` name the number, ``exit`` ends the watch.

References: userspace/falco/event_drops.cpp of Falco 0.44, whose alert this is.
"""

from __future__ import annotations

import logging

from tiercel.outputs.alert import INTERNAL, Alert
from tiercel.outputs.drops import RULE, SECOND, DropAction, DropSettings, TokenBucket
from tiercel.rules.model import Priority

log = logging.getLogger("tiercel.drops")


class Losses:
    """Follows one watch; ``stopped`` says that an action ended it."""

    def __init__(self, settings: DropSettings, hostname: str) -> None:
        self.settings, self.hostname = settings, hostname
        self.stopped = False
        self._bucket = TokenBucket(settings.rate, settings.max_burst)
        self._next = 0
        self._seen = (0, 0)

    def look(self, ts: int, events: int, lost: int) -> Alert | None:
        """Look at the totals so far as of time ``ts`` (ns since the epoch); return the alert that is due.

        Args:
            events: events that came.
            lost: events that were lost.
        """
        if ts < self._next:
            return None
        self._next = ts + SECOND
        fresh_events, fresh = events - self._seen[0], lost - self._seen[1]
        self._seen = events, lost
        actions = self.settings.actions
        if not fresh or fresh / (fresh_events + fresh) < self.settings.threshold:
            return None
        if not self._bucket.claim(ts):
            log.debug("events lost, but the actions were taken too recently")
            return None
        message = f"{RULE}. {fresh} system calls dropped in last second."
        if DropAction.LOG in actions or DropAction.EXIT in actions:
            log.error(message)
        self.stopped = DropAction.EXIT in actions
        if DropAction.ALERT not in actions:
            return None
        counts = {"n_drops": fresh, "n_drops_buffer_total": fresh, "n_evts": fresh_events}
        fields = {"ebpf_enabled": "1", **{name: str(count) for name, count in counts.items()}}
        return Alert(ts, RULE, Priority.DEBUG.label, INTERNAL, self.hostname, message, message, fields, ())
