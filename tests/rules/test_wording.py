"""What is said to people about rules that do not load: where, what, and what to write instead."""

from __future__ import annotations

import pytest

from tests.rules.sample import load_texts, rule
from tiercel.rules.check import Report
from tiercel.rules.wording import plain

MACRO = "- macro: spawned_process\n  condition: evt.type = execve\n"


def said(*texts: str) -> list[str]:
    """Return the lines on errors and warnings."""
    lines = Report(load_texts(*texts)).as_text().splitlines()
    return [line.rpartition(" [")[0] for line in lines if ": error: " in line or ": warning: " in line]


@pytest.mark.parametrize(
    ("condition", "line"),
    [
        ("proc.nmae = x", "14: error: unknown field 'proc.nmae' (did you mean 'proc.name'?)"),
        ("evt.type = opne", "25: error: unknown event type 'opne' (did you mean 'open'?)"),
        ("spawned_proces", "14: error: unknown macro 'spawned_proces' (did you mean 'spawned_process'?)"),
        ("tolowr(proc.name) = x", "20: error: unknown transformer 'tolowr' (did you mean 'tolower'?)"),
        ("proc.name = (a)", "26: error: expected a string, found '(' (did you mean 'in'?)"),
        (
            "proc.name = a && user.uid = 0",
            "28: error: expected 'and' or 'or' after 'a', found '&&' (did you mean 'and'?)",
        ),
        ("proc.pid = abc", "25: error: 'abc' is not a number"),
        ("proc.name = val(fd.num)", "26: error: 'proc.name' (CHARBUF) cannot be compared with 'fd.num' (INT64)"),
        ("proc.aname[x] = 1", "14: error: the argument of 'proc.aname' must be a number, not 'x'"),
        ("proc.name = (a", "26: error: expected a string, found '(' (did you mean 'in'?)"),
        ("(proc.name = a", "28: error: a parenthesis is not closed"),
    ],
)
def test_errors_in_conditions(condition: str, line: str) -> None:
    assert said(MACRO + rule(condition=condition))[0] == f"1.yaml:5:{line.partition(':')[0]}:{line.partition(':')[2]}"


def test_an_operator_that_does_not_fit_is_pointed_at():
    assert said(rule(condition="proc.pid contains 1"))[0].startswith(
        "1.yaml:3:23: error: operator 'contains' does not compare numeric fields: use one of ="
    )


def test_operators_are_suggested():
    assert said(rule(condition="proc.name contians a"))[0].endswith("(did you mean 'contains'?)")
    assert said(rule(condition="proc.name anyof (a)"))[0].endswith("(did you mean '= anyof'?)")


EXCEPTION = "  exceptions:\n  - name: e\n    fields: [{}]\n    comps: [{}]\n    values: [[a]]\n"


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        (rule().replace("INFO", "WARNIG"), "5:13: error: unknown priority 'WARNIG'", "did you mean 'warning'?"),
        (rule(more="  enabled: maybe\n"), "6:12: error: 'maybe' is of the wrong kind", "use true or false"),
        (rule(more="  tags: x\n"), "6:9: error: expected a list, found 'x'", ""),
        (
            rule(more="  source: sycall\n"),
            "1:9: warning: unknown source 'sycall': the rule is skipped",
            "did you mean 'syscall'?",
        ),
        (
            rule(more="  prioritty: x\n"),
            "6:3: warning: unknown key 'prioritty', which is ignored",
            "did you mean 'priority'?",
        ),
        (
            rule(more=EXCEPTION.format("proc.nmae", "=")),
            "8:14: error: unknown field 'proc.nmae' in an exception",
            "did you mean 'proc.name'?",
        ),
        (
            rule(more=EXCEPTION.format("proc.name", "startwith")),
            "9:13: error: unknown operator 'startwith' in an exception",
            "did you mean 'startswith'?",
        ),
        (
            rule() + "- rule: R\n  override: {conditon: append}\n",
            "7:14: error: override cannot append to 'conditon'",
            "did you mean 'condition'?",
        ),
        (
            rule() + "- rule: R\n  override: {condition: apend}\n",
            "7:25: error: override of 'condition' cannot be 'apend'",
            "did you mean 'append'?",
        ),
        (
            rule() + "- rule: R\n  override: {priority: append}\n",
            "7:14: error: override cannot append to 'priority'",
            "write priority: replace",
        ),
        (
            rule("Shell") + "- rule: Shel\n  append: true\n  condition: or x\n",
            "6:9: error: there is no rule 'Shel' to append to",
            "did you mean 'Shell'?",
        ),
        ("- list: l\n", "1:3: error: the key 'items' is missing", ""),
        (
            "- rul: x\n",
            "1:3: warning: this item is no rule, macro, list or requirement; it is skipped",
            "did you mean 'rule'?",
        ),
        (
            rule().replace("output: x", "output: a %proc.nmae"),
            "4:13: error: unknown field 'proc.nmae'",
            "did you mean 'proc.name'?",
        ),
    ],
)
def test_errors_in_items(text: str, line: str, hint: str) -> None:
    assert said(text)[0] == f"1.yaml:{line} ({hint})".removesuffix(" ()")


def test_the_json_keeps_the_words_of_falco():
    verdict = load_texts(rule(condition="evt.type=execve foo")).verdicts[0]
    assert verdict.as_json()["errors"][0]["message"] == "unexpected token after 'execve', expecting 'or', 'and'"


def test_other_words_are_left_alone():
    assert plain("it's {word} and {name}") == "it's {word} and {name}"
