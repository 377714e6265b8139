"""Reads the keys of the outputs, and of the queue before them."""

from __future__ import annotations

import re
from collections.abc import Callable

from tiercel.config.model import ConfigError
from tiercel.config.tree import Tree
from tiercel.outputs.channels.settings import (
    FileSettings,
    Format,
    GrpcSettings,
    HttpSettings,
    OutputSettings,
    ProgramSettings,
    SyslogSettings,
    TlsSettings,
)
from tiercel.outputs.queue_settings import QueueSettings
from tiercel.rules.yaml_source import Mapping, Scalar, Value

_MB = 1 << 20
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|)")
_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def read_outputs(tree: Tree, flag: Callable[..., bool], json: bool) -> OutputSettings:
    """Return the settings of all outputs but stdout.

    Args:
        flag: reads a truth value, given its default and the keys that lead to it.
        json: whether alerts are JSON.

    Raises:
        ConfigError: an output that is on lacks what it needs, or a value cannot be used.
    """
    reader = _Section(tree, flag)
    return OutputSettings(
        json=json,
        alert_id=flag(False, "json_include_alert_id_property"),
        file=reader.file() if flag(False, "file_output", "enabled") else None,
        syslog=reader.syslog() if flag(False, "syslog_output", "enabled") else None,
        http=reader.http(json) if flag(False, "http_output", "enabled") else None,
        program=reader.program() if flag(False, "program_output", "enabled") else None,
        grpc=reader.grpc() if flag(False, "grpc", "enabled") and flag(False, "grpc_output", "enabled") else None,
        queue=reader.queue(),
        retry_most=reader.seconds("outputs_queue", "retry_interval", OutputSettings().retry_most, least=0.01),
    )


class _Section:
    """Reads values below a key."""

    def __init__(self, tree: Tree, flag: Callable[..., bool]) -> None:
        self.tree, self.flag = tree, flag

    def file(self) -> FileSettings:
        key = "file_output"
        return FileSettings(
            filename=self._needed(key, "filename"),
            keep_alive=self.flag(False, key, "keep_alive"),
            rotate_bytes=int(self._number(key, "rotate_size_mb", 0) * _MB),
            rotate_seconds=self.seconds(key, "rotate_interval", 0),
            keep=int(self._number(key, "keep_files", 0)),
            keep_seconds=self.seconds(key, "keep_age", 0),
            compress=self.flag(True, key, "compress"),
        )

    def syslog(self) -> SyslogSettings:
        key, defaults = "syslog_output", SyslogSettings()
        text = self._text(key, "format", defaults.format)
        if text not in list(Format):
            raise self._wrong(key, "format", f"must be {' or '.join(Format)}")
        return SyslogSettings(
            address=self._text(key, "address", defaults.address),
            format=Format(text),
            facility=self._text(key, "facility", defaults.facility),
            ident=self._text(key, "ident", defaults.ident),
            tls=self._tls(key, client=True),
        )

    def http(self, json: bool) -> HttpSettings:
        key = "http_output"
        given = self.tree.get(key, "headers")
        headers = {}
        for name, value in given.pairs if isinstance(given, Mapping) else ():
            if not isinstance(name, Scalar) or not isinstance(value, Scalar):
                raise ConfigError(f"{self.tree.where(value)}: a header is a name and a text")
            headers[name.text] = value.text
        return HttpSettings(
            url=self._needed(key, "url"),
            user_agent=self._text(key, "user_agent", "falcosecurity/falco"),
            tls=self._tls(key, client=self.flag(False, key, "mtls")),
            echo=self.flag(False, key, "echo"),
            compress_uploads=self.flag(False, key, "compress_uploads"),
            keep_alive=self.flag(False, key, "keep_alive"),
            max_consecutive_timeouts=int(self._number(key, "max_consecutive_timeouts", 5)),
            headers=headers,
            timeout=self.seconds(key, "timeout", 10.0, least=0.001),
            pipeline=max(1, min(1000, int(self._number(key, "pipeline", 1)))),
            json=json,
        )

    def program(self) -> ProgramSettings:
        key = "program_output"
        return ProgramSettings(
            program=self._needed(key, "program"),
            keep_alive=self.flag(False, key, "keep_alive"),
            timeout=self.seconds(key, "timeout", 60.0, least=0.001),
        )

    def grpc(self) -> GrpcSettings:
        key, defaults = "grpc", GrpcSettings()
        return GrpcSettings(
            bind_address=self._text(key, "bind_address", defaults.bind_address),
            threadiness=int(self._number(key, "threadiness", 0)),
            private_key=self._text(key, "private_key", defaults.private_key),
            cert_chain=self._text(key, "cert_chain", defaults.cert_chain),
            root_certs=self._text(key, "root_certs", defaults.root_certs),
        )

    def queue(self) -> QueueSettings:
        key, defaults = "outputs_queue", QueueSettings()
        return QueueSettings(
            path=self._text(key, "path", ""),
            max_bytes=max(_MB, int(self._number(key, "max_size_mb", defaults.max_bytes / _MB) * _MB)),
            max_age=self.seconds(key, "max_age", defaults.max_age, least=1),
            capacity=int(self._number(key, "capacity", 0)),
        )

    def _tls(self, key: str, client: bool) -> TlsSettings:
        """Return the settings of TLS, with a certificate of our own when ``client``."""
        return TlsSettings(
            insecure=self.flag(False, key, "insecure"),
            ca_cert=self._text(key, "ca_cert", ""),
            ca_bundle=self._text(key, "ca_bundle", ""),
            ca_path=self._text(key, "ca_path", TlsSettings().ca_path),
            client_cert=self._text(key, "client_cert", "") if client else "",
            client_key=self._text(key, "client_key", "") if client else "",
        )

    def seconds(self, key: str, name: str, default: float, least: float = 0) -> float:
        """Return a duration such as ``90``, ``1.5h`` or ``7d``, in seconds."""
        text = self._text(key, name, "")
        if not text:
            return default
        found = _DURATION.fullmatch(text.strip())
        value = float(found[1]) * _UNITS[found[2]] if found else -1.0
        if value < least:
            raise self._wrong(key, name, "must be a duration, such as 30s, 1h or 7d")
        return value

    def _number(self, key: str, name: str, default: float) -> float:
        text = self._text(key, name, "")
        if not text:
            return default
        if not re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text):
            raise self._wrong(key, name, "must be a number, 0 or more")
        return float(text)

    def _text(self, key: str, name: str, default: str) -> str:
        value = self.tree.get(key, name)
        if value is None:
            return default
        if not isinstance(value, Scalar):
            raise self._wrong(key, name, "must be one value")
        return value.text

    def _needed(self, key: str, name: str) -> str:
        text = self._text(key, name, "")
        if not text:
            given: Value | None = self.tree.get(key, name) or self.tree.get(key)
            where = self.tree.where(given) if given is not None else "configuration"
            raise ConfigError(f"{where}: {key} is enabled, but '{key}.{name}' is not given")
        return text

    def _wrong(self, key: str, name: str, message: str) -> ConfigError:
        value = self.tree.get(key, name)
        where = self.tree.where(value) if value is not None else "configuration"
        return ConfigError(f"{where}: '{key}.{name}' {message}")
