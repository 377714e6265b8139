"""What a check says, where it points, and the forms it has."""

from __future__ import annotations

import json

import pytest

from tests.reference import SHARED, needs_reference
from tests.rules.sample import load_texts, rule
from tiercel.rules.check import check
from tiercel.rules.syntax import Span
from tiercel.rules.verdict import ErrorCode, WarningCode


def write(folder, text, name="rules.yaml"):
    path = folder / name
    path.write_text(text)
    return path


@needs_reference
@pytest.mark.parametrize("name", ["bad1", "bad2", "bad3"])
def test_a_broken_file_reads_as_from_falco(monkeypatch, name):
    monkeypatch.chdir(SHARED / "reference/broken")
    report = check([f"{name}.yaml"], strict=True)
    assert report.as_falco_text() + "\n" == (SHARED / f"reference/broken/{name}.V.txt").read_text()
    theirs = json.loads((SHARED / f"reference/broken/{name}.V.json").read_text())
    ours = report.as_json()
    for result in (ours, theirs):
        for problem in result["falco_load_results"][0]["errors"] + result["falco_load_results"][0]["warnings"]:
            problem.pop("codedesc")
            problem.pop("tiercel", None)
    assert ours == theirs
    assert report.exit_code == 1


@pytest.mark.parametrize(
    ("text", "place", "length"),
    [
        ("  condition: evt.type = open and fd.nme = x", (3, 34), 6),
        ("  condition: >\n    evt.type = open\n    and fd.nme = x", (5, 9), 6),
        ("  condition: |\n    evt.type = open\n    and fd.nme = x", (5, 9), 6),
        ("  condition: 'fd.name = ''a'' and fd.nme = x'", (3, 35), 6),
        ('  condition: "fd.name = \\"a\\" and fd.nme = x"', (3, 35), 6),
        ("  condition: evt.type = open\n    and fd.nme = x", (4, 9), 6),
        ("  condition: é.type = 1", (3, 14), 6),
    ],
)
def test_an_error_in_a_condition_points_at_the_word(text, place, length):
    loaded = load_texts(f"- rule: R\n  desc: d\n{text}\n  output: x\n  priority: INFO\n")
    error = loaded.verdicts[0].errors[0]
    assert error.code is ErrorCode.COMPILE_CONDITION
    assert error.at == Span("1.yaml", *place, length)


def test_an_error_in_a_macro_list_exception_or_append_points_where_it_was_typed():
    macro = "- macro: m\n  condition: fd.nme = x\n"
    loaded = load_texts(macro, rule(condition="evt.type = open and m"))
    assert loaded.verdicts[1].errors[0].at == Span("1.yaml", 2, 14, 6)

    append = "- rule: R\n  condition: and fd.nme = x\n  override: {condition: append}\n"
    loaded = load_texts(rule(), append)
    assert loaded.verdicts[1].errors[0].at == Span("2.yaml", 2, 18, 6)

    exceptions = "  exceptions:\n    - name: e\n      fields: [evt.type]\n      values:\n        - [opne]\n"
    loaded = load_texts(rule(more=exceptions))
    error = loaded.verdicts[0].errors[0]
    assert error.message.startswith("unknown event type opne")
    assert error.at == Span("1.yaml", 10, 12, 4)


def test_errors_in_outputs_point_at_the_field():
    loaded = load_texts(rule().replace("output: x", "output: ' a %proc.nmae b'"))
    error = loaded.verdicts[0].errors[0]
    assert (error.code, error.at) == (ErrorCode.COMPILE_OUTPUT, Span("1.yaml", 4, 15, 10))
    assert "proc.name" in error.hint


def test_hints():
    text = (
        "- macro: spawned\n  condition: evt.type = execve\n"
        + rule("A", "spawnd")
        + rule("B").replace("INFO", "LOUD")
        + rule("C", more="  tag: [a]\n")
        + "- rul: D\n"
        + "- rule: BB\n  condition: and x\n  append: true\n"
    )
    verdict = load_texts(text).verdicts[0]
    hints = {str(one.code) + one.message[:20]: one.hint for one in (*verdict.errors, *verdict.warnings)}
    assert hints["LOAD_ERR_VALIDATEUndefined macro 'spa"] == "did you mean 'spawned'?"
    assert hints["LOAD_ERR_YAML_VALIDATEInvalid priority"].startswith("one of emergency")
    assert hints["LOAD_UNKNOWN_KEYUnknown key 'tag'. T"] == "did you mean 'tags'?"
    assert hints["LOAD_UNKNOWN_ITEMUnknown top level it"] == "did you mean 'rule'?"


def test_text_shows_the_line_and_a_caret(tmp_path):
    path = write(
        tmp_path, "- rule: R\n  desc: d\n  condition: evt.type = open and fd.nme = x\n  output: x\n  priority: INFO\n"
    )
    text = check([path]).as_text().splitlines()
    assert text[0] == f"{path}: Invalid"
    assert text[1].startswith(f"{path}:3:34: error: unknown field 'fd.nme'")
    assert text[1].endswith("[LOAD_ERR_COMPILE_CONDITION]")
    assert text[2] == "  in rule 'R'"
    assert text[3] == "    3 |   condition: evt.type = open and fd.nme = x"
    assert text[4] == "                                         ^^^^^^"


def test_long_lines_are_cut_around_the_place(tmp_path):
    condition = " or ".join(f"fd.name = {number}" for number in range(300)) + " or fd.nme = 1 or fd.name = 1"
    lines = check([write(tmp_path, rule(condition=condition))]).as_text().splitlines()
    assert max(map(len, lines[3:])) < 200
    shown, caret = lines[3], lines[4]
    assert shown[caret.index("^") : caret.index("^") + 6] == "fd.nme"


def test_json_has_falcos_keys_and_ours_apart(tmp_path):
    report = check([write(tmp_path, rule(more="  foo: 1\n"))])
    (result,) = report.as_json()["falco_load_results"]
    assert set(result) == {"errors", "name", "schema_valid", "schema_warnings", "successful", "warnings"}
    (warning,) = result["warnings"]
    assert set(warning) == {"code", "codedesc", "context", "message", "tiercel"}
    assert set(warning["context"]) == {"locations", "snippet"}
    assert warning["tiercel"] == {"file": str(tmp_path / "rules.yaml"), "line": 6, "column": 3, "length": 3}


def test_notes_of_our_own_never_look_like_falcos_and_strict_has_none():
    text = rule(condition="evt.type = open and container.id exists and net.port = 1").replace("\n  append", "")
    loaded = load_texts(text)
    codes = [str(one.code) for one in loaded.verdicts[0].warnings]
    assert codes == ["TIERCEL_SURPRISE", "TIERCEL_OWN_FIELD"]
    assert all(one.own for one in loaded.verdicts[0].warnings)
    strict = load_texts(text, strict=True)
    assert not any(one.own for one in strict.verdicts[0].warnings)
    assert not strict.successful


def test_every_code_has_a_label_and_a_meaning():
    from tiercel.rules.verdict import _LABELS, _MEANINGS

    assert set(_LABELS) == set(ErrorCode) | set(WarningCode)
    assert set(_MEANINGS) == set(WarningCode)


def test_an_unreadable_file_is_a_failure_without_verdicts(tmp_path):
    report = check([tmp_path / "absent.yaml"])
    assert (report.exit_code, report.failure) == (1, f"{tmp_path / 'absent.yaml'}: no such file")
    assert check([tmp_path], strict=True).exit_code == 1


def test_a_folder_stands_for_its_rules_files(tmp_path):
    write(tmp_path, rule("B"), "b.yaml")
    write(tmp_path, rule("A"), "a.yml")
    write(tmp_path, "{", "notes.txt")
    report = check([tmp_path])
    assert [known.name for known in report.loaded.rules] == ["A", "B"]
    strict = check([tmp_path, tmp_path / "notes.txt"], strict=True, folders=True, cached=False)
    assert [known.name for known in strict.loaded.rules] == ["A", "B"]
