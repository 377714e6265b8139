"""Typed conditions against what Falco 0.44.1 says of the same conditions."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.reference import SHARED, needs_reference
from tiercel.rules.condition import (
    ConditionCompiler,
    ConditionError,
    ConditionLists,
    ListDefinition,
    Macros,
    compile_condition,
    parse,
)
from tiercel.rules.event_types import event_names
from tiercel.rules.show import condition_text, details
from tiercel.rules.syntax import And, Check, FieldRef, Node, Not, Operator, Or

UPSTREAM = ("falco_rules", "falco-incubating_rules", "falco-sandbox_rules")


def checks(node: Node) -> list[Check]:
    if isinstance(node, Check):
        return [node]
    children = (node.child,) if isinstance(node, Not) else node.children
    return [check for child in children for check in checks(child)]


class RuleSet:
    """The plain parts of rules files: enough for files without overrides and exceptions."""

    def __init__(self, *names: str) -> None:
        self.rules: dict[str, dict[str, Any]] = {}
        macros: dict[str, tuple[str, int, int]] = {}
        lists: dict[str, ListDefinition] = {}
        count = 0
        for name in names:
            for item in yaml.safe_load((SHARED / name).read_text()):
                count += 1
                if "rule" in item:
                    self.rules[item["rule"]] = item
                elif "macro" in item:
                    first = macros[item["macro"]][1] if item["macro"] in macros else count
                    macros[item["macro"]] = item["condition"], first, count
                elif "list" in item:
                    first = lists[item["list"]].index if item["list"] in lists else count
                    items = tuple(map(str, item["items"]))
                    lists[item["list"]] = ListDefinition(item["list"], items, first, count)
        self.lists = ConditionLists(lists.values())
        self.macros = Macros()
        for name, (condition, index, visibility) in macros.items():
            self.macros.define(name, parse(condition, self.lists), index, visibility)
        self.macros.resolve_all()
        self.compiler = ConditionCompiler(self.macros, strict=True)


@pytest.fixture(scope="module")
def upstream() -> tuple[RuleSet, dict[str, Any]]:
    rules = RuleSet(*(f"rules/upstream/{name}.yaml" for name in UPSTREAM))
    return rules, json.loads((SHARED / "reference/falco-L-upstream.json").read_text())


@needs_reference
def test_upstream_rules_compile_to_what_falco_compiles(upstream: tuple[RuleSet, dict[str, Any]]) -> None:
    rules, reference = upstream
    assert len(rules.rules) == len(reference["rules"]) == 93
    macros, lists = rules.macros, rules.lists
    for item in reference["rules"]:
        expected, condition = item["details"], item["info"]["condition"]
        compiled = rules.compiler.compile(parse(condition, lists))
        assert condition_text(compiled.parsed) == expected["condition_compiled"]
        assert event_names(compiled.node) == set(expected["events"])
        found = details(compiled.parsed)
        assert found.fields == set(expected["condition_fields"])
        assert found.operators == set(expected["condition_operators"])
        written = details(parse(condition), macros.names(), lists.items)
        assert written.macros == set(expected["macros"])
        assert written.lists == set(expected["lists"])
        assert not compiled.warnings


@needs_reference
def test_upstream_macros_compile_to_what_falco_compiles(upstream: tuple[RuleSet, dict[str, Any]]) -> None:
    rules, reference = upstream
    for item in reference["rules"]:
        rules.compiler.compile(parse(item["info"]["condition"], rules.lists))
    for item in reference["macros"]:
        expected, name = item["details"], item["info"]["name"]
        parsed = rules.macros.resolved(name)
        assert condition_text(parsed) == expected["condition_compiled"]
        assert event_names(rules.compiler.typing.macro(parsed).node) == set(expected["events"])
        assert (name in rules.macros.used) == expected["used"]


@needs_reference
def test_upstream_lists_expand_as_in_falco(upstream: tuple[RuleSet, dict[str, Any]]) -> None:
    rules, reference = upstream
    for item in reference["lists"]:
        name = item["info"]["name"]
        assert list(rules.lists.items[name]) == item["details"]["items_compiled"]


def language_errors() -> list[Any]:
    if not SHARED.is_dir():
        return []
    files = json.loads((SHARED / "language/expected.json").read_text())["files"]
    found = []
    for name, expected in files.items():
        for result in (expected.get("V_json") or {}).get("falco_load_results", ()):
            for error in result["errors"]:
                if error["code"] == "LOAD_ERR_COMPILE_CONDITION":
                    found.append(pytest.param(name, error, id=name))
    return found


def compile_file(name: str) -> None:
    rules = RuleSet(name)
    for rule in rules.rules.values():
        rules.compiler.compile(parse(rule["condition"], rules.lists))


@pytest.mark.parametrize(("name", "error"), language_errors())
def test_language_errors_stand_where_falco_sees_them(name: str, error: dict[str, Any]) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_file(f"language/{name}")
    assert caught.value.code == error["code"]
    condition, inside = (location["position"] for location in error["context"]["locations"][-2:])
    offset, line, column = caught.value.text.parsed_position(caught.value.at)
    assert offset == inside["offset"] - condition["offset"]
    assert line == inside["line"] - condition["line"]
    assert column == inside["column"] - condition["column"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("proc.pid = 5", (5,)),
        ("proc.pid = -5", (-5,)),
        ("proc.pid = 0x1F", (31,)),
        ("user.uid = -1", (0xFFFFFFFF,)),
        ("user.uid = 010", (10,)),
        ("evt.num > 99999999999999999999", ((1 << 64) - 1,)),
        ("evt.cpu = 65537", (1,)),
        ("fd.sport in (80, 65616)", (80, 80)),
        ("fd.sport = http", (80,)),
        ("evt.failed = true", (True,)),
        ("fd.sip = 10.0.0.1", (b"\x0a\0\0\x01",)),
        ("fd.sip = ::1", (b"\0" * 15 + b"\x01",)),
        ("fd.snet in (10.0.0.0/8, fe80::/10)", ((b"\x0a\0\0\0", 8), (b"\xfe\x80" + b"\0" * 14, 10))),
        ("proc.fdusage > 5", (5.0,)),
        ("evt.buffer bcontains CAFE", (b"\xca\xfe",)),
        ("evt.rawarg.flags = -1", (0xFFFFFFFF,)),
        ("evt.rawarg.res = -2", (-2,)),
        ("proc.name in (a, b)", (b"a", b"b")),
        ("proc.name = 'é'", ("é".encode(),)),
        ("evt.deltatime > 1000", (1000,)),
    ],
)
def test_constants(text: str, values: tuple[Any, ...]) -> None:
    (check,) = checks(compile_condition(text))
    assert check.values == values
    assert [type(value) for value in check.values] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("proc.pid = 0x10", 11, "numbers are decimal, write 16"),
        ("proc.pid = 1.5", 11, "not a valid number"),
        ("proc.pid = five", 11, "not a valid number"),
        ("proc.pid = 5 and evt.failed = yes", 30, "boolean"),
        ("fd.sport = nosuchservice", 11, "unrecognized protocol"),
        ("fd.sip = 10.0.0", 9, "unrecognized IPv4 address"),
        ("fd.sip = 10.0.0.0/8", 9, "compare it with fd.net"),
        ("fd.sip = x::y", 9, "unrecognized IPv6 address"),
        ("fd.snet = 10.0.0.1", 10, "10.0.0.0/8"),
        ("fd.snet = 10.0.0.1/33", 10, "invalid netmask"),
        ("fd.snet = fe80::/0", 10, "invalid netmask"),
        ("evt.type = opne", 11, "did you mean 'open'?"),
        ("evt.type in (open, nope_nope)", 19, "unknown event type nope_nope"),
        ("evt.buffer bcontains xyz", 21, "hex"),
        ("evt.buffer bcontains abc", 21, "hex"),
        ("proc.name bcontains ab", 0, "not supported for string"),
        ("proc.pid contains 1", 0, "not supported for numeric"),
        ("evt.failed contains true", 0, "not supported for boolean"),
        ("fd.sip startswith 1", 0, "ip address"),
        ("fd.types = file", 0, "list filters"),
        ("proc.name regex '('", 16, "invalid regex pattern"),
        (f"proc.name = {'x' * 256}", 12, "too long"),
        ("proc.nmae = x", 0, "did you mean 'proc.name'?"),
        ("a.b = x", 0, "nonexistent field a.b"),
        ("proc.name[1] = x", 0, "takes no argument"),
        ("proc.aname[x] = y", 0, "is a number"),
        ("evt.arg = x", 0, "requires an argument"),
        ("evt.arg.flag = x", 0, "did you mean 'evt.arg.flags'?"),
        ("evt.rawarg[flags] = 1", 0, "write evt.rawarg.flags"),
        ("container.label = x", 0, "requires an argument"),
        ("proc.aname = val(proc.name)", 0, "doesn't support right-hand side fields"),
        ("proc.name = val(proc.aname)", 0, "can't be used as a right-hand side field"),
        ("proc.name = val(proc.pid)", 0, "incompatible type 'INT64'"),
        ("proc.name pmatch val(proc.exepath)", 0, "doesn't support right-hand side"),
        ("fd.snet = val(fd.sip)", 0, "right-hand side"),
        ("evt.type = val(proc.name)", 0, "event code search"),
        ("tolower(evt.type) = open", 0, "event code search"),
        ("tolower(proc.pid) = 1", 0, "type 'INT64' is not supported by 'tolower'"),
        ("tolower(proc.aname) = x", 0, "does not support transformers"),
        ("tolower(proc.name, proc.pname) = x", 0, "takes exactly 1 argument"),
        ("tolower(proc.name)[x] = x", 0, "does not support field arguments"),
        ("concat(proc.name) = x", 0, "at least 2 arguments"),
        ("join(',', proc.args) = x", 0, "second argument must be a list"),
        ("join(',', getopt((proc.name), 'a')) = x", 0, "second argument must be a list"),
        ("getopt((proc.name), 'a') = x", 0, "list filters"),
        ("len(proc.name) contains 1", 0, "not supported for numeric"),
        ("nothing", 0, "Undefined macro 'nothing'"),
    ],
)
def test_what_does_not_fit(text: str, at: int, message: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition(text, strict=True)
    assert message in caught.value.message
    assert caught.value.position[0] == at


@pytest.mark.parametrize(
    ("text", "unknown"),
    [("a.b = x", True), ("evt.type = opne", True), ("proc.name[1] = x", True), ("proc.pid = x", False)],
)
def test_what_skip_if_unknown_filter_forgives(text: str, unknown: bool) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition(text)
    assert caught.value.unknown is unknown


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("proc.aname[2] = x", "proc.aname[2]"),
        ("proc.aname[-1] = x", "proc.aname"),
        ("proc.env[HOME] = x", "proc.env[HOME]"),
        ("proc.env[3] = x", "proc.env[3]"),
        ("evt.arg.flags contains x", "evt.arg.flags"),
        ("evt.arg[1] = x", "evt.arg[1]"),
        ("evt.rawarg.flags = 1", "evt.rawarg.flags"),
        ("evt.abspath.src = x", "evt.abspath.src"),
        ("evt.type.is.open = 1", "evt.type.is.open"),
        ("thread.cgroup.cpuset = x", "thread.cgroup.cpuset"),
        ("container.mount[0] = x", "container.mount[0]"),
        ("container.mount[00] = x", "container.mount[00]"),
        ("fd.types[0] in (file)", "fd.types[0]"),
    ],
)
def test_arguments(text: str, spelled: str) -> None:
    (check,) = checks(compile_condition(text))
    assert isinstance(check.left, FieldRef)
    assert check.left.text == spelled


def test_shape() -> None:
    node = compile_condition("evt.type = open and not (proc.name = a or fd.num exists)")
    assert isinstance(node, And)
    assert isinstance(node.children[1], Not)
    inner = node.children[1].child
    assert isinstance(inner, Or)
    assert [check.operator for check in checks(inner)] == [Operator.EQ, Operator.EXISTS]


def test_equal_questions_are_equal_wherever_they_stand() -> None:
    assert compile_condition("proc.name = a") == compile_condition("  proc.name  =  'a'")
    assert hash(compile_condition("proc.name = a")) == hash(compile_condition("proc.name='a'"))


def test_strict_hides_own_fields() -> None:
    compile_condition("net.protocol = tcp")
    with pytest.raises(ConditionError, match="nonexistent field"):
        compile_condition("net.protocol = tcp", strict=True)


def test_other_sources_have_only_generic_fields() -> None:
    compile_condition("evt.num > 1", source="k8s_audit")
    with pytest.raises(ConditionError, match="nonexistent field"):
        compile_condition("proc.name = a", source="k8s_audit")


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("evt.dir = <", "LOAD_DEPRECATED_ITEM", "evt.dir"),
        ("evt.latency > 5", "LOAD_DEPRECATED_ITEM", "enter events"),
        ("proc.name = proc.pname", "LOAD_COMPILE_CONDITION", "valid field misused"),
        ("proc.name = 'proc.aname[2]'", "LOAD_COMPILE_CONDITION", "valid field misused"),
        ("proc.name = 'tolower(proc.name)'", "LOAD_COMPILE_CONDITION", "transformer misused"),
        ("proc.pid = 0x10", "LOAD_COMPILE_CONDITION", "write 16"),
        ("proc.name regex .*curl", "LOAD_COMPILE_CONDITION", "optimized"),
        ("proc.name regex ^curl$", "LOAD_COMPILE_CONDITION", "optimized"),
    ],
)
def test_warnings(text: str, code: str, message: str) -> None:
    compiled = ConditionCompiler().compile(parse(text))
    assert [(warning.code, message in warning.message) for warning in compiled.warnings] == [(code, True)]


@pytest.mark.parametrize(
    "text",
    ["proc.name regex 'a.*b'", "proc.name = docker.io", "proc.name = 'evt.arg'", "proc.name = <NA>", "proc.name = a.b"],
)
def test_no_warnings(text: str) -> None:
    assert ConditionCompiler().compile(parse(text)).warnings == ()
