"""The keys below ``container_engines``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiercel.config import ConfigError, load_config
from tiercel.identity.settings import IdentitySettings, KubernetesSettings

KEY = "container_engines"


def test_all_engines_are_asked_by_default() -> None:
    assert load_config().identity == IdentitySettings()


def test_falcos_keys() -> None:
    options = {
        "docker.enabled": "false",
        "bpm.enabled": "false",
        "cri.disable_async": "true",
        "cri.sockets[0]": "/var/run/one/containerd.sock",
        "cri.sockets[1]": "unix:///run/two/crio.sock",
    }
    config = load_config(options=[f"{KEY}.{key}={value}" for key, value in options.items()])
    settings = config.identity
    assert not settings.docker
    assert not settings.bpm
    assert settings.podman
    assert settings.whole
    assert settings.cri_sockets == ("/var/run/one/containerd.sock", "/run/two/crio.sock")
    assert config.notes == ()


def test_own_keys() -> None:
    options = {
        "docker.sockets": "/run/other/docker.sock",
        "podman.sockets[0]": "/run/podman/podman.sock",
        "label_max_len": "300",
        "patience": "250ms",
        "linger": "1m",
    }
    settings = load_config(options=[f"{KEY}.{key}={value}" for key, value in options.items()]).identity
    assert settings.docker_sockets == ("/run/other/docker.sock",)
    assert settings.podman_sockets == ("/run/podman/podman.sock",)
    assert (settings.label_length, settings.patience, settings.linger) == (300, 0.25, 60)


PLUGIN = """
load_plugins: [container]
plugins:
  - name: container
    library_path: libcontainer.so
    init_config:
      label_max_len: 200
      engines:
        docker: {enabled: false}
        containerd: {sockets: [/run/mine/containerd.sock]}
        cri: {enabled: true, sockets: [/run/crio/crio.sock]}
"""


def test_settings_of_falcos_container_plugin(tmp_path: Path) -> None:
    (tmp_path / "falco.yaml").write_text(PLUGIN)
    config = load_config(tmp_path / "falco.yaml")
    settings = config.identity
    assert (settings.docker, settings.cri, settings.label_length) == (False, True, 200)
    assert settings.cri_sockets == ("/run/crio/crio.sock", "/run/mine/containerd.sock")
    assert config.notes == ()
    (tmp_path / "falco.yaml").write_text(PLUGIN + "container_engines: {docker: {enabled: true}, label_max_len: 5}")
    settings = load_config(tmp_path / "falco.yaml").identity
    assert (settings.docker, settings.label_length) == (True, 5)


@pytest.mark.parametrize("value", ["[1]", "{name: 1}", "[{name: container, init_config: 7}]", "x"])
def test_plugins_that_make_no_sense_change_nothing(tmp_path: Path, value: str) -> None:
    (tmp_path / "falco.yaml").write_text(f"plugins: {value}")
    assert load_config(tmp_path / "falco.yaml").identity == IdentitySettings()


def test_a_pod_finds_its_api_server() -> None:
    environment = {
        "KUBERNETES_SERVICE_HOST": "10.96.0.1",
        "KUBERNETES_SERVICE_PORT": "6443",
        "FALCO_K8S_NODE_NAME": "n1",
    }
    config = load_config(options=[f"{KEY}.kubernetes.enabled=true"], environment=environment)
    assert config.identity.kubernetes == KubernetesSettings("https://10.96.0.1:6443", "n1")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("cri.sockets=containerd.sock", "must be an absolute path"),
        ("patience=soon", "must be a duration"),
        ("label_max_len=-1", "must be a number"),
        ("kubernetes.enabled=true", "give the address of the API server"),
    ],
)
def test_values_that_make_no_sense_are_refused(option: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(options=[f"{KEY}.{option}"], environment={})
