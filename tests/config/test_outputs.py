"""The keys of outputs."""

from pathlib import Path

import pytest

from tiercel.config import ConfigError, load_config
from tiercel.config.keys import OWN
from tiercel.outputs.channels.settings import FileSettings, Format, GrpcSettings, ProgramSettings
from tiercel.outputs.queue_settings import QueueSettings

ROOT = Path(__file__).parents[2]


def outputs(tmp_path: Path, text: str):
    path = tmp_path / "falco.yaml"
    path.write_text(text)
    config = load_config(str(path))
    assert config.notes == ()
    return config.outputs


def test_falcos_own_settings_turn_nothing_on(tmp_path):
    found = outputs(
        tmp_path,
        "file_output: {enabled: false, keep_alive: false, filename: ./events.txt}\n"
        "http_output: {enabled: false, url: ''}\nprogram_output: {enabled: false}\nsyslog_output: {enabled: false}\n"
        "grpc: {enabled: false}\ngrpc_output: {enabled: false}\noutputs_queue: {capacity: 0}\n",
    )
    assert found.names == ()
    assert found.queue == QueueSettings()


def test_every_output_of_falco(tmp_path):
    found = outputs(
        tmp_path,
        "json_output: true\n"
        "file_output: {enabled: true, keep_alive: true, filename: ./events.txt}\n"
        "http_output:\n  enabled: true\n  url: https://x/\n  user_agent: me\n  insecure: true\n  ca_cert: a\n"
        "  ca_bundle: b\n  ca_path: c\n  mtls: true\n  client_cert: d\n  client_key: e\n  echo: true\n"
        "  compress_uploads: true\n  keep_alive: true\n  max_consecutive_timeouts: 7\n"
        "program_output: {enabled: true, keep_alive: true, program: 'mail -s alert me'}\n"
        "syslog_output: {enabled: true}\n"
        "grpc: {enabled: true, bind_address: 'unix:///x', threadiness: 3}\ngrpc_output: {enabled: true}\n",
    )
    assert found.names == ("file_output", "syslog_output", "http_output", "program_output", "grpc_output")
    assert found.file == FileSettings("./events.txt", True)
    assert found.program == ProgramSettings("mail -s alert me", True)
    assert found.grpc == GrpcSettings("unix:///x", 3)
    http = found.http
    assert http is not None
    assert (http.url, http.user_agent, http.max_consecutive_timeouts) == ("https://x/", "me", 7)
    assert [http.json, http.echo, http.compress_uploads, http.keep_alive] == [True] * 4
    tls = http.tls
    assert (tls.insecure, tls.ca_cert, tls.ca_bundle, tls.ca_path) == (True, "a", "b", "c")
    assert (tls.client_cert, tls.client_key) == ("d", "e")


def test_a_client_certificate_is_used_with_mtls_only(tmp_path):
    http = outputs(tmp_path, "http_output: {enabled: true, url: http://x, client_cert: d, client_key: e}\n").http
    assert http is not None
    assert (http.tls.client_cert, http.tls.client_key) == ("", "")


def test_own_keys(tmp_path):
    found = outputs(
        tmp_path,
        "json_include_alert_id_property: true\n"
        "outputs_queue: {path: /q, max_size_mb: 2048, max_age: 12h, capacity: 9, retry_interval: 500ms}\n"
        "file_output: {enabled: true, filename: f, rotate_size_mb: 1.5, rotate_interval: 1d, keep_files: 7,"
        " keep_age: 30d, compress: false}\n"
        "http_output: {enabled: true, url: http://x, headers: {Authorization: Bearer y}, timeout: 2, pipeline: 8}\n"
        "syslog_output: {enabled: true, address: 'tls://logs:6514', format: rfc5424, facility: local0, ident: t,"
        " client_cert: c}\n"
        "program_output: {enabled: true, program: p, timeout: 5s}\n",
    )
    assert found.alert_id
    assert found.retry_most == 0.5
    assert found.queue == QueueSettings("/q", 2048 << 20, 12 * 3600, 9)
    assert found.file == FileSettings("f", False, 3 << 19, 86400, 7, 30 * 86400, False)
    assert found.http is not None
    assert (found.http.headers, found.http.timeout, found.http.pipeline) == ({"Authorization": "Bearer y"}, 2, 8)
    assert found.syslog is not None
    assert (found.syslog.address, found.syslog.format, found.syslog.facility, found.syslog.ident) == (
        "tls://logs:6514",
        Format.RFC5424,
        "local0",
        "t",
    )
    assert found.syslog.tls.client_cert == "c"
    assert found.program is not None
    assert found.program.timeout == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("http_output: {enabled: true}", "'http_output.url' is not given"),
        ("program_output: {enabled: true, program: ''}", "'program_output.program' is not given"),
        ("file_output: {enabled: true, filename: f, keep_files: some}", "must be a number"),
        ("file_output: {enabled: true, filename: f, rotate_interval: weekly}", "must be a duration, such as"),
        ("file_output: {enabled: true, filename: [f]}", "must be one value"),
        ("syslog_output: {enabled: true, format: gelf}", "must be rfc3164 or rfc5424"),
        ("http_output: {enabled: true, url: x, headers: {a: [b]}}", "a header is a name and a text"),
        ("outputs_queue: {max_age: 0}", "must be a duration"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_place(tmp_path, text, message):
    with pytest.raises(ConfigError, match=rf"falco\.yaml:1:\d+: .*{message}"):
        outputs(tmp_path, text + "\n")


def test_every_own_key_is_told_of():
    told = (ROOT / "docs/outputs.md").read_text()
    assert [key for key in OWN if f"`{key}`" not in told and "output" in key] == []
