"""What goes on beside a watch that runs as a service: rules read again, answers over HTTP, snapshots, systemd."""

from __future__ import annotations

import gc
import logging
import sys
from dataclasses import fields
from typing import BinaryIO

from tiercel.config import Config
from tiercel.errors import InputError
from tiercel.scanning import Scan
from tiercel.serving.endpoints import webserver
from tiercel.serving.http import HttpServer
from tiercel.serving.notify import Notifier
from tiercel.watching.delivering import Delivering
from tiercel.watching.loop import Watch
from tiercel.watching.metrics import Metrics
from tiercel.watching.preparing import Preparing
from tiercel.watching.reload import Reloader
from tiercel.watching.snapshots import Snapshots

log = logging.getLogger("tiercel.serving")

_TAKEN = frozenset(
    (
        "append_output", "buffered_outputs", "capture_file", "drops", "files", "json_include_message_property",
        "json_include_output_fields_property", "json_include_output_property", "json_include_tags_property",
        "json_output", "match_all", "metrics", "named", "notes", "outputs", "priority", "rules", "rules_files",
        "static_fields", "stdout_output", "time_format_iso_8601", "watch_config_files", "webserver",
    )
)  # fmt: skip
"""What a running watch takes over of a changed configuration; the rest holds from its next start on."""

_KEYS = {"engine_kind": "engine.kind", "identity": "container_engines"}
"""Keys of falco.yaml that are called otherwise here."""


class Service:
    """The surroundings of a watch; use it in a ``with`` statement around :meth:`Watch.run`.

    Args:
        scan: what is in force at first.
        preparing: prepares others.
        printed: where alerts are printed when the configuration asks for it.

    Raises:
        InputError: the address of the web server cannot be used.
    """

    def __init__(
        self,
        watch: Watch,
        scan: Scan,
        preparing: Preparing,
        delivering: Delivering,
        printed: BinaryIO,
    ) -> None:
        self.watch, self.delivering, self.printed = watch, delivering, printed
        self.notifier = Notifier()
        self.reloader = Reloader(watch, scan, preparing, self._take)
        self.reloader.begun, self.reloader.ended = self.notifier.reloading, self.notifier.ready
        self.metrics = Metrics(watch, scan, lambda: delivering.outputs, self.reloader.reloads)
        self.server: HttpServer | None = None
        self.snapshots: Snapshots | None = None
        watch.due.append(self.notifier.alive)

    def __enter__(self) -> Service:
        gc.collect()
        gc.freeze()  # what is there now stays: looking through it again would only hold up the loop
        config = self.reloader.scan.config
        self._serve(config)
        self._follow(config)
        self.reloader.start()
        self.watch.later(self.notifier.ready)  # when the loop goes round
        return self

    def __exit__(self, *_: object) -> None:
        self.notifier.stopping()
        self.reloader.stop()
        if self.snapshots is not None:
            self.snapshots.stop()
        if self.server is not None:
            self.server.close()

    def reload(self) -> None:
        """Read rules and configuration again, and have the outputs open their files anew; for signal handlers too."""
        self.reloader.now()
        if self.delivering.outputs is not None:
            self.delivering.outputs.reload()

    def _serve(self, config: Config) -> None:
        if not config.webserver.enabled:
            return
        self.server = server = webserver(config.webserver, config.metrics, self.metrics)
        print(f"tiercel: webserver on {config.webserver.listen_address} port {server.port}", file=sys.stderr)

    def _follow(self, config: Config) -> None:
        settings = config.metrics
        if settings.enabled and (settings.output_rule or settings.output_file):
            self.snapshots = Snapshots(self.metrics, settings)
            self.snapshots.start()

    def _take(self, before: Scan, after: Scan) -> None:
        """Take over what else changed with the configuration; called by the thread that reads it."""
        self.metrics.took(after)
        _tell_news(before, after)
        old, new = before.config, after.config
        printed = self.printed if new.stdout_output else None
        self.watch.later(lambda: setattr(self.watch, "out", printed))
        json = self.watch.detection.style.json
        if self.delivering.differs(new, json) and (error := self.delivering.exchange(self.watch, new, json)):
            print(f"tiercel: {error}", file=sys.stderr)
        if old.metrics != new.metrics and self.snapshots is not None:
            self.snapshots.stop()
            self.snapshots = None
        if old.metrics != new.metrics:
            self._follow(new)
        if (old.webserver, old.metrics) != (new.webserver, new.metrics):
            self._serve_again(old, new)
        for key in (field.name for field in fields(Config) if field.name not in _TAKEN):
            if getattr(old, key) != getattr(new, key):
                print(f"tiercel: {_KEYS.get(key, key)} was changed: that takes a restart", file=sys.stderr)

    def _serve_again(self, old: Config, new: Config) -> None:
        if self.server is not None:
            self.server.close()
            self.server = None
        try:
            self._serve(new)
        except InputError as error:
            print(f"tiercel: {error}; it stays as it was", file=sys.stderr)
            try:
                self._serve(old)
            except InputError as again:
                log.error("nothing is served from now on: %s", again)


def _tell_news(before: Scan, after: Scan) -> None:
    """Print what there is to say of a scan that was not said of the one before."""
    said = {(note.key, note.message) for note in before.config.notes}
    for note in after.config.notes:
        if (note.key, note.message) not in said:
            print(f"tiercel: {note}", file=sys.stderr)
    verdicts = after.report.loaded.verdicts
    text = after.report.as_text() if any(verdict.warnings for verdict in verdicts) else ""
    if text and text != before.report.as_text():
        print(text, file=sys.stderr)
    if after.detection is not None and not after.detection.rules:
        print("tiercel: no rule is enabled: there is nothing to find", file=sys.stderr)
