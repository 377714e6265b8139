"""The configuration as typed values."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tiercel.capture.settings import CaptureSettings
from tiercel.config.running import MetricsSettings, WebserverSettings
from tiercel.identity.settings import IdentitySettings
from tiercel.outputs.channels.settings import OutputSettings
from tiercel.outputs.drops import DropSettings
from tiercel.rules.extra_output import AppendOutput, ExtraOutput
from tiercel.rules.model import Priority
from tiercel.rules.selection import Selection
from tiercel.sources.live.settings import TracingSettings


class ConfigError(ValueError):
    """A configuration that cannot be used; the message begins with the place."""


class NoteKind(StrEnum):
    NO_EFFECT = "no effect"
    UNKNOWN = "unknown"
    VALUE = "value"
    DEPRECATED = "deprecated"


@dataclass(frozen=True, slots=True)
class ConfigNote:
    """Something to tell about a key that was given. ``where`` is ``file:line:column`` or the option."""

    kind: NoteKind
    key: str
    message: str
    where: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


@dataclass(slots=True)
class Config:
    """Keys of falco.yaml that have an effect here, with Falco's defaults for absent keys.

    ``notes`` tells of keys that have none, that do not exist, or whose value was not usable. ``files`` are the
    configuration files that were read, in order; ``named`` all paths that it is made of or names as rules, those of
    folders and of what does not exist included.
    """

    json_output: bool = False
    json_include_output_property: bool = True
    json_include_output_fields_property: bool = True
    json_include_tags_property: bool = True
    json_include_message_property: bool = False
    time_format_iso_8601: bool = False
    buffered_outputs: bool = False
    stdout_output: bool = True
    priority: Priority = Priority.DEBUG
    match_all: bool = False
    rules: tuple[Selection, ...] = ()
    rules_files: tuple[str, ...] = ()
    append_output: tuple[AppendOutput, ...] = ()
    static_fields: Mapping[str, str] = field(default_factory=dict)
    engine_kind: str = ""
    capture_file: str = ""
    drops: DropSettings = field(default_factory=DropSettings)
    outputs: OutputSettings = field(default_factory=OutputSettings)
    log_level: int = logging.INFO
    capture: CaptureSettings = field(default_factory=CaptureSettings)
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    tracing: TracingSettings = field(default_factory=TracingSettings)
    webserver: WebserverSettings = field(default_factory=WebserverSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    watch_config_files: bool = True
    files: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    notes: tuple[ConfigNote, ...] = ()

    @property
    def extra_output(self) -> ExtraOutput:
        """What to give to :func:`tiercel.rules.load.load`."""
        return ExtraOutput(self.append_output, self.static_fields)

    @property
    def without_effect(self) -> tuple[str, ...]:
        """The keys given that Falco knows and that change nothing here."""
        return tuple(note.key for note in self.notes if note.kind is NoteKind.NO_EFFECT)
