"""What is captured around alerts, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass

MB = 1 << 20


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """The keys below ``capture``, with Falco's defaults.

    ``all_rules`` says that every alert is captured, not only those of rules with ``capture: true``. Falco does not have
    ``before``: seconds before the alert that are in the capture, as far as they fit ``memory_bytes``; ``max_files`` and
    ``keep_age`` (seconds) say which captures are removed, 0 none.
    """

    enabled: bool = False
    path_prefix: str = "/tmp/falco"
    all_rules: bool = False
    default_duration: int = 5000  # ms
    max_file_bytes: int = 0  # 0 for no limit
    before: float = 60.0
    memory_bytes: int = 64 * MB
    max_files: int = 0
    keep_age: float = 0.0
