"""Which outputs are asked for, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tiercel.outputs.queue_settings import QueueSettings


class Format(StrEnum):
    RFC3164 = "rfc3164"
    RFC5424 = "rfc5424"


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Paths of PEM files, empty for none.

    ``ca_cert`` is tried first, then ``ca_bundle``, then every certificate in the folder ``ca_path``.
    """

    insecure: bool = False
    ca_cert: str = ""
    ca_bundle: str = ""
    ca_path: str = "/etc/ssl/certs"
    client_cert: str = ""
    client_key: str = ""


@dataclass(frozen=True, slots=True)
class FileSettings:
    """The keys of ``file_output``.

    The file is begun anew when it has ``rotate_bytes`` and every ``rotate_seconds``, counted from the epoch, so that a
    day begins at midnight UTC (0: never). Of the earlier ones ``keep`` stay (0: all), none older than ``keep_seconds``
    (0: for ever), compressed when ``compress``.
    """

    filename: str
    keep_alive: bool = False
    rotate_bytes: int = 0
    rotate_seconds: float = 0.0
    keep: int = 0
    keep_seconds: float = 0.0
    compress: bool = True


@dataclass(frozen=True, slots=True)
class SyslogSettings:
    """The keys of ``syslog_output``.

    ``address`` is ``unix://PATH``, ``udp://HOST[:514]``, ``tcp://HOST[:514]`` or ``tls://HOST[:6514]``.
    """

    address: str = "unix:///dev/log"
    format: Format = Format.RFC3164
    facility: str = "user"
    ident: str = "falco"
    tls: TlsSettings = field(default_factory=TlsSettings)


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """The keys of ``http_output``.

    ``timeout`` (s) holds for connecting and for each answer. ``pipeline`` posts are sent before the first answer is
    waited for: more are faster over a distance, but a server that takes a later one and not an earlier gets them out of
    order.
    """

    url: str
    user_agent: str = "falcosecurity/falco"
    tls: TlsSettings = field(default_factory=TlsSettings)
    echo: bool = False
    compress_uploads: bool = False
    keep_alive: bool = False
    max_consecutive_timeouts: int = 5
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 10.0
    pipeline: int = 1
    json: bool = False


@dataclass(frozen=True, slots=True)
class ProgramSettings:
    """The keys of ``program_output``: a command for the shell. ``timeout`` (s) ends one that does not move."""

    program: str
    keep_alive: bool = False
    timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class GrpcSettings:
    """The keys of ``grpc``: a server on a unix socket, or with mutual TLS on ``HOST:PORT``."""

    bind_address: str = "unix:///run/falco/falco.sock"
    threadiness: int = 0
    private_key: str = "/etc/falco/certs/server.key"
    cert_chain: str = "/etc/falco/certs/server.crt"
    root_certs: str = "/etc/falco/certs/ca.crt"


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """Every output but stdout; None for those that are off.

    ``json`` says that lines are JSON, ``alert_id`` that the alert's id is a key of them. ``retry_most`` is the longest
    pause between two attempts (s).
    """

    json: bool = False
    alert_id: bool = False
    file: FileSettings | None = None
    syslog: SyslogSettings | None = None
    http: HttpSettings | None = None
    program: ProgramSettings | None = None
    grpc: GrpcSettings | None = None
    queue: QueueSettings = field(default_factory=QueueSettings)
    retry_first: float = 0.5
    retry_most: float = 30.0

    @property
    def names(self) -> tuple[str, ...]:
        """The keys of the outputs that are on."""
        given = {
            "file_output": self.file,
            "syslog_output": self.syslog,
            "http_output": self.http,
            "program_output": self.program,
            "grpc_output": self.grpc,
        }
        return tuple(name for name, settings in given.items() if settings is not None)
