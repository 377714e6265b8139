"""What is served over HTTP, and what is told of the watch itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiercel.config import ConfigError, load_config
from tiercel.config.running import MetricsSettings, WebserverSettings
from tiercel.config.webserver import interval_seconds


def test_falcos_defaults_hold_where_nothing_is_said() -> None:
    config = load_config()
    assert config.webserver == WebserverSettings()
    assert config.metrics == MetricsSettings()
    assert config.watch_config_files


def test_keys_of_the_webserver() -> None:
    options = ["enabled=true", "listen_port=0", "listen_address=::1", "k8s_healthz_endpoint=/live", "threadiness=3"]
    found = load_config(options=[f"webserver.{option}" for option in options]).webserver
    assert (found.enabled, found.listen_port, found.listen_address) == (True, 0, "::1")
    assert (found.k8s_healthz_endpoint, found.threadiness) == ("/live", 3)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("webserver.listen_address=localhost", "must be an IP address, not 'localhost'"),
        ("webserver.listen_port=70000", "must be a port"),
        ("webserver.listen_port=-1", "must be a number"),
        ("webserver.k8s_healthz_endpoint=healthz", "begins with /"),
    ],
)
def test_values_that_cannot_be_used_are_told_with_their_place(option: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        load_config(options=[option])
    assert str(caught.value).startswith(f"-o {option}: ")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1h", 3600), ("15m", 900), ("1h30m", 5400), ("100ms", 0.1), ("1 d", 86400), ("5000", 0), ("1m1h", 0), ("", 0)],
)
def test_intervals_are_those_of_prometheus(text: str, seconds: float) -> None:
    assert interval_seconds(text) == seconds


@pytest.mark.parametrize("text", ["50ms", "5000", "often"])
def test_metrics_refuse_an_interval_that_is_none(text: str) -> None:
    assert load_config(options=[f"metrics.interval={text}"]).metrics.enabled is False
    with pytest.raises(ConfigError, match="must be 100ms or more"):
        load_config(options=["metrics.enabled=true", f"metrics.interval={text}"])


def test_everything_a_configuration_names_is_known_whether_or_not_it_exists(tmp_path: Path) -> None:
    (tmp_path / "config.d").mkdir()
    (tmp_path / "config.d/more.yaml").write_text("priority: error\n")
    rules = [str(tmp_path / name) for name in ("rules.yaml", "rules.d")]
    main = tmp_path / "falco.yaml"
    main.write_text(f"config_files: [{tmp_path}/config.d, {tmp_path}/absent.yaml]\nrules_files: {rules}\n")
    config = load_config(main)
    more = [str(tmp_path / name) for name in ("config.d/more.yaml", "config.d", "absent.yaml")]
    assert config.named == (str(main), *more, *rules)
