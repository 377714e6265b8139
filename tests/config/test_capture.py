"""The keys below ``capture``."""

from __future__ import annotations

import pytest

from tiercel.capture.settings import CaptureSettings
from tiercel.config import ConfigError, load_config


def test_nothing_is_captured_by_default() -> None:
    assert load_config().capture == CaptureSettings()
    assert not CaptureSettings().enabled


def test_falcos_keys() -> None:
    options = {
        "enabled": "true",
        "path_prefix": "/var/x/c",
        "mode": "all_rules",
        "default_duration": "250",
        "max_file_size_mb": "3",
    }
    config = load_config(options=[f"capture.{key}={value}" for key, value in options.items()])
    wanted = CaptureSettings(True, "/var/x/c", True, 250, 3 << 20)
    assert config.capture == wanted
    assert config.notes == ()


def test_own_keys() -> None:
    options = ["capture.before=1.5m", "capture.memory_mb=16", "capture.max_files=7", "capture.keep_age=2d"]
    config = load_config(options=options)
    assert config.capture == CaptureSettings(before=90, memory_bytes=16 << 20, max_files=7, keep_age=172_800)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("capture.mode=some", "'capture.mode' must be rules or all_rules"),
        ("capture.memory_mb=1", "'capture.memory_mb' must be 4 or more"),
        ("capture.before=soon", "'capture.before' must be a duration"),
        ("capture.default_duration=-1", "'capture.default_duration' must be a number"),
    ],
)
def test_values_that_cannot_be(option: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(options=[option])
