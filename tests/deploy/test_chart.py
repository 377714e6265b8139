"""The Helm chart, linted and rendered by Helm, and held against the schemas of Kubernetes."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.chart import CHART, ChartError, Rendered, lint, needs_helm, render
from tiercel import __version__
from tiercel.config import load_config
from tiercel.identity.settings import IdentitySettings
from tiercel.rules.check import check
from tiercel.sources.live.privileges import AUDIT, AUDIT_DAEMON, PROBE, PROCESSES

pytestmark = needs_helm

OWN_RULE = "- rule: mine\n  desc: d\n  condition: evt.type = execve\n  output: o\n  priority: INFO\n"
SETS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "audit": {"source": "audit", "output": {"json": False}},
    "privileged": {"privileged": True, "hostPID": True, "priorityClassName": "system-node-critical"},
    "collector": {
        "output": {"stdout": False, "http": {"enabled": True, "url": "https://siem.example:8443/in",
                                             "headers": {"Authorization": "Bearer ${TOKEN}"}}},
        "extraEnv": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "siem", "key": "token"}}}],
    },
    "rules": {"rules": {"custom": {"10-mine.yaml": OWN_RULE, "20-none.yaml": "[]\n"}}},
    "prometheus": {"web": {"port": 9000}, "metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "k"}}}},
    "bare": {"metrics": {"enabled": False}, "serviceAccount": {"create": False}, "tolerations": [],
             "containerRuntimes": {"containerd": {"enabled": False}, "crio": {"enabled": False}}},
    "everything": {
        "image": {"repository": "registry.example/tiercel", "digest": "sha256:" + "0" * 64},
        "imagePullSecrets": [{"name": "pull"}], "fullnameOverride": "falcon", "kubernetes": {"enabled": True},
        "seLinuxOptions": {"type": "spc_t"}, "podLabels": {"team": "sec"}, "podAnnotations": {"a": "b"},
        "serviceAccount": {"name": "eyes", "annotations": {"x": "y"}}, "extraArgs": ["--stats"],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "edge", "operator": "DoesNotExist"}]}]}}},
        "extraVolumes": [{"name": "ca", "secret": {"secretName": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca", "readOnly": True}],
        "containerRuntimes": {"docker": {"enabled": True}, "own": {"enabled": True, "paths": ["/x", "/run/crio"]}},
    },
}  # fmt: skip


@pytest.fixture(scope="module", params=SETS)
def rendered(request: pytest.FixtureRequest) -> Rendered:
    return render(**SETS[request.param])


@pytest.fixture(scope="module")
def defaults() -> Rendered:
    return render()


@pytest.mark.parametrize("name", SETS)
def test_helm_has_nothing_to_say_against_it(name: str) -> None:
    assert lint(**SETS[name]) == []


@pytest.mark.skipif(find_spec("kubernetes_validate") is None, reason="takes kubernetes-validate")
@pytest.mark.parametrize("version", ["1.25", "1.34"])
def test_manifests_are_what_kubernetes_takes(rendered: Rendered, version: str) -> None:
    import kubernetes_validate

    assert rendered.documents
    for document in rendered.documents:
        if document["kind"] == "ServiceMonitor":
            continue  # of the Prometheus operator; looked at below
        if version == "1.25":
            document = json.loads(json.dumps(document))
            _without_apparmor(document)
        kubernetes_validate.validate(document, version, strict=True)


def _without_apparmor(document: dict[str, Any]) -> None:
    """Leave out the one field that Helm renders for newer clusters only."""
    for container in document.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
        container["securityContext"].pop("appArmorProfile", None)


def test_names_and_labels_agree(rendered: Rendered) -> None:
    daemons = rendered.one("DaemonSet")
    selector = daemons["spec"]["selector"]["matchLabels"]
    assert selector.items() <= daemons["spec"]["template"]["metadata"]["labels"].items()
    for service in rendered.of("Service"):
        assert service["spec"]["selector"] == selector
    for binding in rendered.of("ClusterRoleBinding"):
        assert binding["subjects"][0]["name"] == rendered.pod["serviceAccountName"]
        assert binding["roleRef"]["name"] == rendered.one("ClusterRole")["metadata"]["name"]
    named = {document["metadata"]["name"] for document in rendered.of("ConfigMap")}
    (config,) = (volume for volume in rendered.pod["volumes"] if volume["name"] == "config")
    assert {source["configMap"]["name"] for source in config["projected"]["sources"]} == named
    volumes = [volume["name"] for volume in rendered.pod["volumes"]]
    assert [mount["name"] for mount in rendered.container["volumeMounts"]] == volumes
    assert len(volumes) == len(set(volumes))


def test_the_configuration_has_only_keys_with_an_effect(rendered: Rendered, tmp_path: Path) -> None:
    path = tmp_path / "tiercel.yaml"
    path.write_text(yaml.safe_dump(rendered.config))
    pod = {"TOKEN": "t", "KUBERNETES_SERVICE_HOST": "10.0.0.1", "FALCO_K8S_NODE_NAME": "worker-1"}
    notes = [str(note) for note in load_config(path, environment=pod).notes]
    assert all("does not exist and is passed over" in note for note in notes), notes  # paths of the image


def test_a_container_gets_what_ebpf_takes_and_no_more(defaults: Rendered) -> None:
    context = defaults.container["securityContext"]
    assert context["privileged"] is False
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"]["drop"] == ["ALL"]
    assert {f"CAP_{name}" for name in context["capabilities"]["add"]} == {*PROBE, *PROCESSES, "CAP_SYS_NICE"}
    assert "hostPID" not in defaults.pod
    assert defaults.pod["automountServiceAccountToken"] is False
    assert not defaults.of("ClusterRole")
    writable = [mount["mountPath"] for mount in defaults.container["volumeMounts"] if not mount.get("readOnly")]
    assert writable == ["/var/lib/tiercel", "/tmp"]


def test_audit_gets_the_processes_of_the_node_and_two_capabilities_more() -> None:
    rendered = render(source="audit")
    assert rendered.pod["hostPID"] is True
    assert {f"CAP_{name}" for name in rendered.container["securityContext"]["capabilities"]["add"]} >= {
        *AUDIT,
        *AUDIT_DAEMON,
    }
    assert "--source=audit" in rendered.container["args"]
    assert "audit" in render().notes
    assert "audit takes hostPID" not in rendered.notes


def test_the_image_is_of_this_version(defaults: Rendered) -> None:
    assert defaults.container["image"] == f"tiercel:{__version__}"
    assert render(image={"tag": "dev"}).container["image"] == "tiercel:dev"
    assert render(**SETS["everything"]).container["image"] == "registry.example/tiercel@sha256:" + "0" * 64


def test_the_kubernetes_api_is_asked_when_it_should_be(tmp_path: Path) -> None:
    rendered = render(**SETS["everything"])
    assert rendered.one("ClusterRole")["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
    ]
    assert rendered.pod["automountServiceAccountToken"] is True
    path = tmp_path / "tiercel.yaml"
    path.write_text(rendered.of("ConfigMap")[0]["data"]["tiercel.yaml"])
    asked = load_config(path, environment={"KUBERNETES_SERVICE_HOST": "10.0.0.1", "FALCO_K8S_NODE_NAME": "worker-1"})
    assert asked.identity.kubernetes is not None
    assert asked.identity.kubernetes.node == "worker-1"
    named = {
        variable["name"]: variable["valueFrom"] for variable in rendered.container["env"] if "valueFrom" in variable
    }
    assert named["FALCO_K8S_NODE_NAME"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}


def test_runtimes_are_read_where_tiercel_looks_for_them() -> None:
    rendered = render(**SETS["everything"])
    places = [mount["mountPath"] for mount in rendered.container["volumeMounts"] if "mountPropagation" in mount]
    assert len(places) == len(set(places))
    looked = IdentitySettings()
    for path in (looked.cri_sockets[0], looked.cri_sockets[1], looked.docker_sockets[0]):
        assert any(f"/host{path}".startswith(place) for place in places), path


def test_health_is_asked_for_where_it_is_served() -> None:
    rendered = render(**SETS["prometheus"])
    assert rendered.config["webserver"] == {
        "enabled": True, "listen_port": 9000, "prometheus_metrics_enabled": True
    }  # fmt: skip
    (port,) = rendered.container["ports"]
    assert port == {"name": "http", "containerPort": 9000}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert rendered.container[probe]["httpGet"] == {"path": "/healthz", "port": "http"}


def test_prometheus_finds_every_node() -> None:
    rendered = render(**SETS["prometheus"])
    service = rendered.one("Service")
    assert service["spec"]["clusterIP"] == "None"
    assert service["metadata"]["annotations"]["prometheus.io/port"] == "9000"
    monitor = rendered.one("ServiceMonitor")
    assert monitor["metadata"]["labels"]["release"] == "k"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    assert not render(metrics={"enabled": False}).of("Service")


def test_rules_of_ones_own_come_after_the_shipped_ones(tmp_path: Path) -> None:
    rendered = render(**SETS["rules"])
    assert rendered.config["rules_files"] == ["/usr/share/tiercel/rules.yaml", "/etc/tiercel/rules.d"]
    _, rules = rendered.of("ConfigMap")
    for name, text in rules["data"].items():
        (tmp_path / name).write_text(text)
    (config,) = (volume for volume in rendered.pod["volumes"] if volume["name"] == "config")
    items = config["projected"]["sources"][1]["configMap"]["items"]
    assert items == [{"key": name, "path": f"rules.d/{name}"} for name in sorted(rules["data"])]
    report = check([tmp_path], folders=True)
    assert report.exit_code == 0
    assert [rule.name for rule in report.loaded.rules] == ["mine"]


def test_a_collector_gets_the_alerts(tmp_path: Path) -> None:
    rendered = render(**SETS["collector"])
    path = tmp_path / "tiercel.yaml"
    path.write_text(rendered.of("ConfigMap")[0]["data"]["tiercel.yaml"])
    config = load_config(path, environment={"TOKEN": "secret"})
    assert config.outputs.http is not None
    assert config.outputs.http.url == "https://siem.example:8443/in"
    assert config.outputs.http.headers == {"Authorization": "Bearer secret"}
    assert config.stdout_output is False
    assert "secret" not in path.read_text()


def test_keys_given_as_they_are_win() -> None:
    rendered = render(config={"priority": "warning", "webserver": {"threadiness": 2}, "json_output": False})
    assert rendered.config["priority"] == "warning"
    assert rendered.config["webserver"]["threadiness"] == 2
    assert rendered.config["webserver"]["enabled"] is True
    assert rendered.config["json_output"] is False


def test_a_changed_configuration_starts_the_pods_anew() -> None:
    def checksum(**values: Any) -> str:
        annotations = render(**values).one("DaemonSet")["spec"]["template"]["metadata"]["annotations"]
        return str(annotations["checksum/config"])

    assert checksum() != checksum(config={"priority": "warning"})
    assert checksum() == checksum(podLabels={"a": "b"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sources": "ebpf"}, "sources"),
        ({"source": "kmod"}, "source"),
        ({"capabilities": ["CAP_BPF"]}, "capabilities"),
        ({"web": {"port": "8765"}}, "port"),
        ({"rules": {"custom": {"mine": "[]"}}}, r"'mine' does not match"),
        ({"output": {"http": {"enabled": True}}}, "output.http.url is needed"),
    ],
    ids=lambda value: str(value),
)
def test_values_that_cannot_be_meant(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ChartError, match=message):
        render(**values)


def test_every_value_is_in_the_schema() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert set(yaml.safe_load((CHART / "values.yaml").read_text())) == set(schema["properties"]) - {"global"}


def test_the_page_is_what_the_values_say() -> None:
    subprocess.run([sys.executable, str(CHART.parent / "readme.py"), "--check"], check=True)


def test_the_command_knows_its_arguments(rendered: Rendered) -> None:
    import typer.main

    from tiercel.cli.main import app

    name, *arguments = rendered.container["args"]
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    assert command.make_context(name, list(arguments)).params["config"] == "/etc/tiercel/tiercel.yaml"
