"""Alert logs of Falco: files in which JSON, text and Falco's own lines are mixed.

Nothing that a log holds makes reading fail: what is no alert is counted, and kept as a fault where it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, tzinfo
from pathlib import Path

from tiercel.errors import InputError
from tiercel.sources.alert_file import AlertFile
from tiercel.sources.alert_record import AlertRecord
from tiercel.sources.alert_tally import Tally
from tiercel.sources.quiet_open import open_quietly
from tiercel.sources.rotated import in_order


def read_alerts(
    paths: Iterable[str | Path], *, zone: tzinfo = UTC, written: Mapping[Path, int] | None = None
) -> AlertLog:
    """Return the alerts of the given files; rotated ones are read from the oldest to the newest.

    Args:
        paths: log files, plain or compressed with gzip or zstd
        zone: where times without a zone were written; Falco writes those of text alerts in local time
        written: when a file was last written (ns since the epoch), for copies that do not have that time themselves

    Raises:
        InputError: a file cannot be opened
    """
    return AlertLog(paths, zone=zone, written=written)


class AlertLog(Tally):
    """The alerts of one or several files; iterating reads the files, each time anew.

    ``paths`` are the files in the order of reading. The figures are complete after iterating. Duplicates are yielded
    too, marked.
    """

    def __init__(
        self, paths: Iterable[str | Path], *, zone: tzinfo = UTC, written: Mapping[Path, int] | None = None
    ) -> None:
        super().__init__()
        self.paths = in_order(paths)
        self.zone = zone
        self.written = dict(written or {})
        for path in self.paths:
            try:
                open_quietly(path).close()
            except OSError as error:
                raise InputError(f"{path}: {error.strerror}: name a file that can be read") from None

    def __iter__(self) -> Iterator[AlertRecord]:
        self.clear()
        for path in self.paths:
            yield from AlertFile(path, self, self.zone, self.written.get(path)).records()
