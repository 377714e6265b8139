"""Loading: what is collected, what is reported, and the limits."""

from __future__ import annotations

import gc

import pytest

from tests.reference import SHARED, needs_reference
from tests.rules.sample import errors, load_texts, rule, warnings
from tiercel.rules.extra_output import AppendOutput, ExtraOutput
from tiercel.rules.load import RulesFileError, load
from tiercel.rules.model import Priority
from tiercel.rules.verdict import ErrorCode

AFTER_TUTORIALS = """
- rule: Suspicious shell activity
  desc: Detect execution of shell scripts from /tmp or write to sensitive directories.
  condition: >
    ((proc.name = "sh" or proc.name = "bash" or proc.name = "dash") and
      proc.args contains "/tmp/" and proc.args contains ".sh" and proc.args contains "-c")
    or ((proc.name = "curl" or proc.name = "wget") and
      proc.args contains "http" and proc.args contains "-o" and proc.args contains "/tmp/")
  output: "Suspicious shell activity detected: shell=%proc.name command=%proc.cmdline file=%proc.args"
  priority: CRITICAL
- rule: Capture all network activity from suspicious pods
  desc: Log all network connection attempts from pods that show unusual behavior.
  condition: container.id exists and (net.port in (80, 443) or net.protocol = "tcp")
  output: "Network activity: proto=%net.protocol proto_num=%net.protocol_num src_ip=%evt.remote_addr:%evt.remote_port"
  priority: INFO
  append: true
  enabled: true
"""


def test_rules_as_people_write_them_load_with_warnings():
    loaded = load_texts(AFTER_TUTORIALS)
    assert loaded.successful
    assert [known.name for known in loaded.rules] == [
        "Suspicious shell activity",
        "Capture all network activity from suspicious pods",
    ]
    assert loaded.rules[0].priority is Priority.CRITICAL
    found = warnings(loaded)
    assert found.count("LOAD_NO_EVTTYPE") == 2
    for own in ("TIERCEL_APPEND_DEFINES", "TIERCEL_SURPRISE", "TIERCEL_OWN_FIELD"):
        assert found.count(own) == 1
    assert not load_texts(AFTER_TUTORIALS, strict=True).successful


def test_every_error_is_reported_but_strict_stops_at_the_first_as_falco():
    text = rule("A").replace("INFO", "X") + rule("B", "evt.type = (") + rule("C", "nope") + rule("D", "fd.nme = 1")
    assert [code for code, _ in errors(load_texts(text))] == [
        ErrorCode.YAML_VALIDATE,
        ErrorCode.COMPILE_CONDITION,
        ErrorCode.VALIDATE,
        ErrorCode.COMPILE_CONDITION,
    ]
    assert len(errors(load_texts(text, strict=True))) == 1


def test_a_broken_macro_is_reported_once_however_often_it_is_used():
    text = "- macro: m\n  condition: proc.name = (\n" + rule("A", "m") + rule("B", "not m")
    assert len(errors(load_texts(text))) == 1
    text = "- macro: m\n  condition: nope\n" + rule("A", "m") + rule("B", "not m")
    assert len(errors(load_texts(text))) == 1


def test_a_second_definition_takes_the_place_of_the_first():
    loaded = load_texts(rule("A") + rule("B") + rule("A", "evt.type = open"))
    assert [known.name for known in loaded.rules] == ["A", "B"]
    assert loaded.rules[0].condition_text == "evt.type = open"


def test_rules_of_other_sources_are_skipped():
    loaded = load_texts(rule("A", "ka.verb = get", "  source: k8s_audit\n") + rule("B"))
    assert loaded.successful
    assert [known.name for known in loaded.rules] == ["B"]
    assert warnings(loaded) == ["LOAD_UNKNOWN_SOURCE"]


def test_skip_if_unknown_filter():
    more = "  skip-if-unknown-filter: true\n"
    text = rule("A", "evt.type = opne", more) + rule("B", "no.field = 1", more)
    text += rule("C", more=more).replace("output: x", "output: '%no.field'") + rule("D", "proc.pid = x", more)
    loaded = load_texts(text)
    assert warnings(loaded) == ["LOAD_UNKNOWN_FILTER"] * 3
    assert [code for code, _ in errors(loaded)] == [ErrorCode.COMPILE_CONDITION]


def test_a_later_file_changes_what_earlier_ones_defined():
    first = "- list: l\n  items: [a]\n- macro: m\n  condition: proc.name in (l)\n" + rule("A", "evt.type = open and m")
    second = "- list: l\n  items: [b]\n  override: {items: append}\n"
    third = "- macro: m\n  condition: proc.pid = 1\n"
    loaded = load_texts(first, second, third)
    assert loaded.successful
    assert loaded.rules[0].condition == load_texts(rule("A", "evt.type = open and (proc.pid = 1)")).rules[0].condition
    assert [known.used for known in loaded.macros] == [True]
    assert [known.used for known in loaded.lists] == [False]
    assert warnings(loaded) == ["LOAD_UNUSED_LIST"]
    two = load_texts(first, second)
    assert two.lists[0].values == ("a", "b")
    assert (
        two.rules[0].condition == load_texts(rule("A", "evt.type = open and (proc.name in (a, b))")).rules[0].condition
    )


def test_a_change_reaches_rules_through_other_macros():
    first = "- macro: a\n  condition: proc.pid = 1\n- macro: b\n  condition: not a\n" + rule(
        "R", "evt.type = open and b"
    )
    second = "- macro: a\n  condition: proc.pid = 2\n" + rule("S", "evt.type = open and proc.pid = 3")
    changed, same = load_texts(first, second), load_texts(first, rule("S"))
    wanted = load_texts(rule("R", "evt.type = open and not proc.pid = 2")).rules[0]
    assert changed.rules[0].condition == wanted.condition
    assert same.rules[0].condition == load_texts(first).rules[0].condition
    assert [known.index for known in changed.rules] == [0, 1]


def test_keys_of_a_rule():
    more = "  tags: [b, a, b]\n  capture: true\n  capture_duration: 0x10\n  enabled: no\n  warn_evttypes: False\n"
    known = load_texts(rule("A", "proc.name = x", more)).rules[0]
    assert (known.tags, known.capture, known.capture_duration, known.enabled) == (("a", "b"), True, 16, False)


def test_what_is_appended_to_outputs():
    extra = ExtraOutput(
        (
            AppendOutput(suggested_output=True),
            AppendOutput(extra_output="cpu=%evt.cpu", tags=frozenset({"t"}), fields={"who": "by %user.name"}),
            AppendOutput(raw_fields=("evt.hostname",), rule="B", source="syscall"),
            AppendOutput(extra_output="never", source="k8s_audit"),
        ),
        {"site": "lab"},
    )
    loaded = load_texts(rule("A", "static.site = lab", "  tags: [t]\n") + rule("B"), extra=extra)
    first, second = loaded.rules
    assert first.output.text.startswith("x static_site=%static.site container_id=%container.id container_name=")
    assert first.output.text.endswith("k8s_ns_name=%k8s.ns.name cpu=%evt.cpu")
    assert {name: (template.text, raw) for name, (template, raw) in first.output_fields.items()} == {
        "who": ("by %user.name", False)
    }
    assert second.output.text.endswith("k8s_ns_name=%k8s.ns.name")
    assert [(name, raw) for name, (_, raw) in second.output_fields.items()] == [("evt.hostname", True)]
    assert not load_texts(rule("A", "static.site = lab")).successful


def test_container_info_in_outputs_is_deprecated():
    loaded = load_texts(rule().replace("output: x", "output: x %container.info y"))
    assert warnings(loaded) == ["LOAD_DEPRECATED_ITEM"]
    assert loaded.rules[0].output.text == "x  y"


def test_deprecated_fields_in_outputs():
    loaded = load_texts(rule().replace("output: x", "output: '%evt.latency.ns'"))
    found = [one.deprecated_field for one in loaded.verdicts[0].warnings]
    assert found == ["evt.latency", "evt.latency.ns"]


@needs_reference
def test_the_upstream_files_load_clean():
    files = [
        SHARED / "rules/upstream" / name for name in ("falco_rules", "falco-incubating_rules", "falco-sandbox_rules")
    ]
    loaded = load([file.with_name(file.name + ".yaml") for file in files], strict=True)
    assert (len(loaded.rules), len(loaded.macros), len(loaded.lists)) == (93, 315, 118)
    assert not any(verdict.errors or verdict.warnings or verdict.schema_warnings for verdict in loaded.verdicts)
    assert loaded.plugin_versions[0][0].plugin == "container"


@needs_reference
def test_rules_for_the_kubernetes_audit_log_need_their_plugins():
    loaded = load([SHARED / "rules/upstream/k8s_audit_rules.yaml"], strict=True)
    assert loaded.exit_code == 1
    assert loaded.unmet.startswith("Plugin requirement not satisfied, must load one of: k8saudit (>= ")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "- " * 100_000,
        "- &a [x,x,x,x,x,x,x,x]\n"
        + "".join(f"- &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)),
        "- &a [*a]",
        "- *nowhere",
        "- rule: [a]",
        "- rule: {a: b}",
        "- {[a]: b, rule: x, enabled: true}",
        "- rule: x\n  override: [a]",
        "- rule: x\n  override: {condition: [a]}",
        "- list: x\n  items: [[a]]",
        "- required_plugin_versions: [a]",
        "- required_engine_version: [a]",
        "- rule: \xff",
        "\x00",
        rule(condition="(" * 5000 + "evt.num = 1" + ")" * 5000),
        rule(condition="not " * 20_000 + "evt.num = 1"),
        rule(condition=" and ".join(["evt.num = 1"] * 5000)),
        rule(more="  exceptions:\n    - {name: a, fields: " + "[" * 200 + "]" * 200 + "}\n"),
        "".join(f"- macro: m{n + 1}\n  condition: m{n} and m{n}\n" for n in range(60)) + rule(condition="m60"),
        "- macro: m0\n  condition: evt.num = 1\n"
        + "".join(f"- macro: m{n + 1}\n  condition: m{n} and m{n}\n" for n in range(60))
        + rule(condition="m60"),
    ],
    ids=range(21),
)
@pytest.mark.parametrize("strict", [False, True])
def test_hostile_files_end_in_a_verdict(text, strict):
    from tiercel.rules.check import _verdict_lines

    loaded = load_texts(text, strict=strict)
    for verdict in loaded.verdicts:
        assert verdict.as_json()
        assert verdict.as_falco_text()
        assert list(_verdict_lines(verdict, {verdict.name: verdict.source}))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(RulesFileError, match="absent"):
        load([tmp_path / "absent.yaml"])
    with pytest.raises(RulesFileError, match="directory"):
        load([tmp_path])


def test_schema_warnings_of_several_documents():
    good, bad = rule("A"), rule("B", more="  foo: 1\n")
    assert load_texts("").verdicts[0].schema_warnings is None
    assert load_texts("# nothing\n", strict=True).verdicts[0].schema_warnings is None
    assert len(load_texts(f"{good}---\n{bad}").verdicts[0].schema_warnings) == 2
    assert load_texts(f"{good}---\n{bad}", strict=True).verdicts[0].schema_warnings == []  # only the first counts
    assert load_texts(f"{bad}---\n{good}", strict=True).verdicts[0].schema_warnings[-1] == "ok"


def test_many_errors_and_definitions_are_bounded():
    text = "".join(rule(f"R{number}", "nope") for number in range(300))
    assert len(errors(load_texts(text))) < 300
    text = "".join(f"- list: l{number}\n  items: [a]\n" for number in range(10_100))
    assert len(errors(load_texts(text))) == 100


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_collected_again_after_loading_if_it_was_before(enabled):
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        load_texts("- rule: [")
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()
