"""falco.yaml, the files it includes, and options."""

import json

import pytest

from tests.reference import SHARED, needs_reference
from tiercel.config import ConfigError, load_config
from tiercel.config.keys import EFFECTIVE, KNOWN, OWN, SERVED
from tiercel.config.model import NoteKind
from tiercel.rules.extra_output import AppendOutput
from tiercel.rules.model import Priority
from tiercel.rules.selection import Selection


def write(folder, name, text):
    path = folder / name
    path.write_text(text)
    return str(path)


def test_without_a_file_suggested_fields_are_appended_as_in_falcos_own():
    assert load_config().append_output == (AppendOutput(suggested_output=True),)


def test_an_empty_file_leaves_falcos_defaults(tmp_path):
    config = load_config(write(tmp_path, "falco.yaml", ""))
    assert config.append_output == ()
    assert config.priority is Priority.DEBUG
    assert config.json_include_output_property
    assert not config.match_all
    assert config.notes == ()


def test_typed_values(tmp_path):
    config = load_config(
        write(
            tmp_path,
            "falco.yaml",
            "json_output: yes\npriority: Info\nrule_matching: ALL\ntime_format_iso_8601: on\n"
            "stdout_output: {enabled: false}\nstatic_fields: {site: lab}\n"
            "engine: {kind: replay, replay: {capture_file: a.scap}}\n"
            "rules:\n  - disable: {rule: '*'}\n  - enable: {tag: network, rule: A*}\n",
        )
    )
    assert config.json_output
    assert config.priority is Priority.INFORMATIONAL
    assert config.match_all
    assert config.time_format_iso_8601
    assert not config.stdout_output
    assert config.static_fields == {"site": "lab"}
    assert config.capture_file == "a.scap"
    assert config.rules == (Selection(False, "*"), Selection(True, "A*", "network"))


def test_options_come_after_the_file(tmp_path):
    path = write(tmp_path, "falco.yaml", "json_output: true\nengine: {kind: nodriver}\n")
    config = load_config(
        path,
        [
            "json_output=false",
            "engine.kind=replay",
            "engine.replay.capture_file=/tmp/a=b.scap",
            'rules[]={"disable":{"rule":"*"}}',
            'rules[]={"enable":{"tag":"a"}}',
            "rules[1].enable.tag=b",
            'append_output[]={"extra_output": "cpu=%evt.cpu"}',
        ],
    )
    assert not config.json_output
    assert config.capture_file == "/tmp/a=b.scap"
    assert config.rules == (Selection(False, "*"), Selection(True, tag="b"))
    assert config.append_output == (AppendOutput(extra_output="cpu=%evt.cpu"),)


def test_append_output_with_fields(tmp_path):
    config = load_config(
        write(
            tmp_path,
            "falco.yaml",
            "append_output:\n  - match: {source: syscall, tags: [a, b], rule: R}\n    extra_fields:\n"
            "      - home: '${HOME}'\n      - evt.hostname\n",
        ),
        environment={"HOME": "/root"},
    )
    entry = config.append_output[0]
    assert (entry.source, entry.tags, entry.rule) == ("syscall", {"a", "b"}, "R")
    assert entry.fields == {"home": "/root"}
    assert entry.raw_fields == ("evt.hostname",)


def test_variables(tmp_path):
    path = write(tmp_path, "falco.yaml", "static_fields: {a: 'x${A}y${B}', b: '$${A}', c: 'cost $5'}\n")
    config = load_config(path, environment={"A": "1"})
    assert config.static_fields == {"a": "x1y", "b": "${A}", "c": "cost $5"}


def test_included_files_append_override_and_add(tmp_path):
    (tmp_path / "more").mkdir()
    write(tmp_path, "more/1.yaml", "priority: error\nrules: [{disable: {rule: b}}]\n")
    add = write(tmp_path, "add.yaml", "priority: debug\njson_output: true\n")
    path = write(
        tmp_path,
        "falco.yaml",
        f"config_files: [{tmp_path}/more, {tmp_path}/absent.yaml, {{path: {add}, strategy: add-only}}]\n"
        "priority: info\nrules: [{disable: {rule: a}}]\n",
    )
    config = load_config(path)
    assert config.priority is Priority.ERROR
    assert [selection.rule for selection in config.rules] == ["a", "b"]
    assert config.json_output
    assert [file.rsplit("/", 1)[-1] for file in config.files] == ["falco.yaml", "1.yaml", "add.yaml"]


def test_an_included_file_includes_no_others(tmp_path):
    inner = write(tmp_path, "inner.yaml", "config_files: [x.yaml]\n")
    with pytest.raises(ConfigError, match=r"inner\.yaml:1:15: an included file cannot include others"):
        load_config(write(tmp_path, "falco.yaml", f"config_files: [{inner}]\n"))
    main = tmp_path / "main.yaml"
    main.write_text(f"config_files: [{main}]\n")
    with pytest.raises(ConfigError, match="includes the main file again"):
        load_config(main)


def test_keys_without_effect_and_unknown_keys_are_named(tmp_path):
    path = write(
        tmp_path,
        "falco.yaml",
        "json_ouput: true\nlibs_logger: {enabled: false}\nwebserver: {enabled: true, enbled: 1}\n"
        "modern_bpf: {enabled: true}\nengine: {kind: kmod, kmod: {buf_size_preset: 4}}\n",
    )
    config = load_config(path, ["log_syslog=true"])
    assert config.without_effect == ("libs_logger", "engine.kmod", "log_syslog")
    unknown = [note.message for note in config.notes if note.kind is NoteKind.UNKNOWN]
    assert unknown[0] == "unknown key 'json_ouput' (did you mean 'json_output'?)"
    assert "'webserver.enbled' (did you mean 'enabled'?)" in unknown[1]
    assert "use engine.kind" in unknown[2]
    assert str(config.notes[0]).startswith(f"{path}:1:1: ")
    assert str(config.notes[-1]).startswith("-o log_syslog=true: ")


def test_a_value_of_the_wrong_kind_falls_back_with_a_note(tmp_path):
    config = load_config(write(tmp_path, "falco.yaml", "json_output: perhaps\n"))
    assert not config.json_output
    assert config.notes[0].kind is NoteKind.VALUE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("priority: loud", "priority must be one of"),
        ("rule_matching: some", "first or all"),
        ("rules: [{enabel: {rule: a}}]", "enable or disable"),
        ("rules: [{enable: {}}]", "needs a rule or a tag"),
        ("append_output: [x]", "must have keys"),
        ("append_output: [{extra_fields: [{a: b, c: d}]}]", "a name with one format"),
        ("append_output: [{extra_fields: [{a: b}, a]}]", "given twice"),
        ("engine: {kind: replay}", "capture_file is not given"),
        ("rules_files: [/]\nrules_file: /", "both rules_files and rules_file"),
        ("- a", "keys and values"),
        ("a: b: c", "mapping values"),
    ],
)
def test_what_falco_refuses_is_refused_with_its_place(tmp_path, text, message):
    path = write(tmp_path, "falco.yaml", text)
    with pytest.raises(ConfigError, match=rf"{path}:\d+:\d+: .*{message}"):
        load_config(path)


@pytest.mark.parametrize("option", ["json_output", "a..b=1", "priority[0]=x", "rules[3]=x", "x={]}", "rules={}=1"])
def test_a_malformed_option_is_named(option):
    with pytest.raises(ConfigError, match=r"^-o "):
        load_config(None, [option])


def _paths(keys, path=""):
    for name, inner in keys.items():
        where = f"{path}[]" if name == "[]" else f"{path}.{name}" if path else name
        if inner is None:
            yield where
        else:
            yield from _paths(inner, where)


@needs_reference
def test_the_known_keys_are_those_of_falcos_schema():
    schema = json.loads((SHARED / "reference/falco-config-schema.json").read_text())

    def walk(node, path):
        while "$ref" in node:
            node = schema["definitions"][node["$ref"].rsplit("/", 1)[-1]]
        if node.get("properties"):
            for name, inner in node["properties"].items():
                yield from walk(inner, f"{path}.{name}" if path else name)
        elif node.get("type") == "array":
            yield from walk(node["items"], f"{path}[]")
        else:
            yield path

    def plain(path):
        return path.removesuffix("[]")

    theirs = {plain(path) for path in walk(schema, "")}
    ours = {
        plain(path.removesuffix(".*").removesuffix("[].path").removesuffix("[].strategy")) for path in _paths(KNOWN)
    }
    ours = {path for path in ours if path not in OWN and path.partition(".")[0] not in SERVED}
    assert ours - theirs == {"rules_file"}  # deprecated, read all the same
    assert theirs - ours == set()


def test_effective_keys_are_known():
    known = set(_paths(KNOWN))
    for key in EFFECTIVE:
        assert any(path == key or path.startswith((key + ".", key + "[")) for path in known), key
