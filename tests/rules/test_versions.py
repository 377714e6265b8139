"""Versions that rules files require."""

from __future__ import annotations

import pytest

from tests.rules.sample import errors, load_texts, rule
from tiercel.rules.versions import ENGINE, Requirement, Version, unmet


@pytest.mark.parametrize(
    ("text", "version"),
    [("0.57.0", Version(0, 57, 0)), ("1.2.3-rc1", Version(1, 2, 3)), ("1.2", None), ("one", None), ("-1.2.3", None)],
)
def test_parse(text, version):
    assert Version.parse(text) == version


def test_the_same_major_number_and_no_older():
    assert ENGINE.satisfies(Version(0, 62, 0))
    assert ENGINE.satisfies(Version(0, 3, 9))
    assert not ENGINE.satisfies(Version(0, 63, 0))
    assert not ENGINE.satisfies(Version(1, 0, 0))


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("15", None),
        ("0.62.0", None),
        ("63", "Rules require engine version 0.63.0, but engine version is 0.62.0"),
        ("1.0.0", "Rules require engine version 1.0.0"),
        ("new", "Unable to parse engine version 'new'"),
        ("[1]", "not a scalar"),
    ],
)
def test_required_engine_version(version, message):
    loaded = load_texts(f"- required_engine_version: {version}\n{rule()}", strict=True)
    found = errors(loaded)
    assert found == [] if message is None else message in found[0][1]


def test_the_highest_required_version_is_kept():
    text = "- required_engine_version: 0.40.0\n- required_engine_version: 12\n"
    assert str(load_texts(text).engine_version) == "0.40.0"


@pytest.mark.parametrize(
    ("alternatives", "reason"),
    [
        ([("container", "0.4.0")], None),
        ([("container", "0.7.1")], None),
        ([("container", "0.7.2")], "Plugin 'container' version '0.7.1' is not compatible with required plugin version"),
        ([("k8saudit", "0.1.0"), ("container", "0.1.0")], None),
        ([("json", "0.7.0"), ("yaml", "1.0.0")], "must load one of: json (>= 0.7.0), yaml (>= 1.0.0)"),
    ],
)
def test_plugins(alternatives, reason):
    found = unmet([tuple(Requirement(*one) for one in alternatives)])
    assert found is None if reason is None else found is not None and reason in found


def test_an_unmet_plugin_ends_everything():
    text = "- required_plugin_versions:\n    - {name: json, version: 0.7.0}\n" + rule(condition="no.such = field")
    loaded = load_texts(text, rule("B"))
    assert loaded.exit_code == 1
    assert loaded.unmet == "Plugin requirement not satisfied, must load one of: json (>= 0.7.0)"
    assert len(loaded.verdicts) == 1


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{name: a, version: one}", "Invalid required version 'one' for plugin 'a'"),
        ("{name: a, version: 1.0.0, alternatives: [{name: a, version: 1.0.0}]}", "multiple alternative version"),
        ("{name: a}", "no mapping for key 'version'"),
        ("{name: a, version: 1.0.0, alternatives: x}", "alternatives must be a sequence"),
        ("{name: a, version: 1.0.0, alternatives: [x]}", "alternative must be a mapping"),
        ("a", "must be a mapping"),
    ],
)
def test_malformed_plugin_requirements(entry, message):
    assert message in errors(load_texts(f"- required_plugin_versions:\n    - {entry}\n"))[0][1]
