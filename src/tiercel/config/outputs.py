"""Reads the keys of the outputs, and of the queue before them."""

from __future__ import annotations

from collections.abc import Callable

from tiercel.config.model import ConfigError
from tiercel.config.section import Section
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
from tiercel.rules.yaml_source import Mapping, Scalar

_MB = 1 << 20


def read_outputs(tree: Tree, flag: Callable[..., bool], json: bool) -> OutputSettings:
    """Return the settings of all outputs but stdout.

    Args:
        flag: reads a truth value, given its default and the keys that lead to it.
        json: whether alerts are JSON.

    Raises:
        ConfigError: an output that is on lacks what it needs, or a value cannot be used.
    """
    reader = _Outputs(tree, flag)
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


class _Outputs(Section):
    """Reads what is below the keys of the outputs."""

    def file(self) -> FileSettings:
        key = "file_output"
        return FileSettings(
            filename=self.needed(key, "filename"),
            keep_alive=self.flag(False, key, "keep_alive"),
            rotate_bytes=int(self.number(key, "rotate_size_mb", 0) * _MB),
            rotate_seconds=self.seconds(key, "rotate_interval", 0),
            keep=int(self.number(key, "keep_files", 0)),
            keep_seconds=self.seconds(key, "keep_age", 0),
            compress=self.flag(True, key, "compress"),
        )

    def syslog(self) -> SyslogSettings:
        key, defaults = "syslog_output", SyslogSettings()
        text = self.text(key, "format", defaults.format)
        if text not in list(Format):
            raise self.wrong(key, "format", f"must be {' or '.join(Format)}")
        return SyslogSettings(
            address=self.text(key, "address", defaults.address),
            format=Format(text),
            facility=self.text(key, "facility", defaults.facility),
            ident=self.text(key, "ident", defaults.ident),
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
            url=self.needed(key, "url"),
            user_agent=self.text(key, "user_agent", "falcosecurity/falco"),
            tls=self._tls(key, client=self.flag(False, key, "mtls")),
            echo=self.flag(False, key, "echo"),
            compress_uploads=self.flag(False, key, "compress_uploads"),
            keep_alive=self.flag(False, key, "keep_alive"),
            max_consecutive_timeouts=int(self.number(key, "max_consecutive_timeouts", 5)),
            headers=headers,
            timeout=self.seconds(key, "timeout", 10.0, least=0.001),
            pipeline=max(1, min(1000, int(self.number(key, "pipeline", 1)))),
            json=json,
        )

    def program(self) -> ProgramSettings:
        key = "program_output"
        return ProgramSettings(
            program=self.needed(key, "program"),
            keep_alive=self.flag(False, key, "keep_alive"),
            timeout=self.seconds(key, "timeout", 60.0, least=0.001),
        )

    def grpc(self) -> GrpcSettings:
        key, defaults = "grpc", GrpcSettings()
        return GrpcSettings(
            bind_address=self.text(key, "bind_address", defaults.bind_address),
            threadiness=int(self.number(key, "threadiness", 0)),
            private_key=self.text(key, "private_key", defaults.private_key),
            cert_chain=self.text(key, "cert_chain", defaults.cert_chain),
            root_certs=self.text(key, "root_certs", defaults.root_certs),
        )

    def queue(self) -> QueueSettings:
        key, defaults = "outputs_queue", QueueSettings()
        return QueueSettings(
            path=self.text(key, "path", ""),
            max_bytes=max(_MB, int(self.number(key, "max_size_mb", defaults.max_bytes / _MB) * _MB)),
            max_age=self.seconds(key, "max_age", defaults.max_age, least=1),
            capacity=int(self.number(key, "capacity", 0)),
        )

    def _tls(self, key: str, client: bool) -> TlsSettings:
        """Return the settings of TLS, with a certificate of our own when ``client``."""
        return TlsSettings(
            insecure=self.flag(False, key, "insecure"),
            ca_cert=self.text(key, "ca_cert", ""),
            ca_bundle=self.text(key, "ca_bundle", ""),
            ca_path=self.text(key, "ca_path", TlsSettings().ca_path),
            client_cert=self.text(key, "client_cert", "") if client else "",
            client_key=self.text(key, "client_key", "") if client else "",
        )
