"""The grammar: what parses, into what, and where errors point."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercel.rules.condition import ConditionError, ConditionLists, ListDefinition, Macros, parse
from tiercel.rules.show import condition_text, details


def shown(text: str) -> str:
    return condition_text(parse(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a and b or c and not d", "((a and b) or (c and not d))"),
        ("a or b or c", "(a or b or c)"),
        ("not not a", "a"),
        ("not not not a", "not a"),
        ("not(a or b)", "not (a or b)"),
        ("not not(a)", "a"),
        ("(((a)))", "a"),
        ("a and(b)", "(a and b)"),
        ("proc.name exists", "proc.name exists"),
        ("proc.name='a b'", 'proc.name = "a b"'),
        (r'proc.name = "a\tb\\c"', r'proc.name = "a\tb\\c"'),
        (r'proc.name = "it\"s"', r'proc.name = "it\"s"'),
        ("fd.num>=0", "fd.num >= 0"),
        ("fd.num >= 0x1F", "fd.num >= 0x1F"),
        ("proc.name in(a,b)", "proc.name in (a, b)"),
        ("proc.name in ()", "proc.name in ()"),
        ("proc.name in names", "proc.name in names"),
        ("proc.name pmatch (/etc, '/a b')", 'proc.name pmatch (/etc, "/a b")'),
        ("proc.aname[2] = x", "proc.aname[2] = x"),
        ('proc.env["A B"] = x', 'proc.env["A B"] = x'),
        ("tolower( toupper(proc.name) ) = x", "tolower(toupper(proc.name)) = x"),
        ("join(',', (proc.args[0], 'x', 3)) = x", "join(,,(proc.args[0],x,3)) = x"),
        ("getopt((proc.name), 'o:')[o] = x", "getopt((proc.name),o:)[o] = x"),
        ("proc.name = val(proc.pname)", "proc.name = val(proc.pname)"),
        ("proc.name = tolower(proc.pname)", "proc.name = tolower(proc.pname)"),
        ("proc.name startswith oneof (a, b)", "proc.name startswith oneof (a, b)"),
        ("proc.name = anyof bash", "proc.name = anyof bash"),
        ("proc.name = anyof", "proc.name = anyof"),
        ("proc.name = anyof and a", "(proc.name = anyof and a)"),
        ("proc.name contains\n\tx", "proc.name contains x"),
        ("proc.name in(a)and b", "(proc.name in (a) and b)"),
        ("fd.name glob /etc/*", "fd.name glob /etc/*"),
        ("a and (b or c) and d", "(a and (b or c) and d)"),
    ],
)
def test_parses(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("", 0, "empty"),
        ("a and", 5, "expected a blank or '(' after 'and'"),
        ("a b", 2, "expecting 'or', 'and'"),
        ("a AND b", 2, "did you mean 'and'?"),
        ("a || b", 2, "did you mean 'or'?"),
        ("!a", 0, "did you mean 'not'?"),
        ("a)", 1, "open a parenthesis"),
        ("proc.cmdline contains rm -rf and a", 25, "did you mean 'rm -rf', in quotes?"),
        ("(a", 2, "not closed"),
        ("(a b)", 3, "expecting ')', 'and' or 'or'"),
        ("a or(b) and c", 8, "expecting 'or', 'and'"),
        ("a andb", 5, "expected a blank or '(' after 'and'"),
        ("proc.name ~ x", 10, "expected a valid check operator"),
        ("proc.name contain x", 10, "did you mean 'contains'?"),
        ("proc.name contains(x)", 10, "expected a valid check operator"),
        ("proc.name = ", 12, "expected a string value"),
        ("proc.name = 'x", 12, "not closed"),
        (r"proc.name = 'a\z'", 17, "unknown escape"),
        (r"proc.name = 'a\"'", 17, "needs no backslash"),
        ("proc.name in (a b)", 16, "expected a ')' token"),
        ("proc.name in (a, )", 17, "expected a string value"),
        ("proc.aname[ 1] = x", 11, "field argument"),
        ("proc.aname[1 = x", 12, "expected a ']' token"),
        ("proc.aname[1", 12, "expected a ']' token"),
        ("proc.pid > anyof (1, 2)", 11, "expected a number value"),
        ("reverse(proc.name) = x", 7, "unknown transformer 'reverse'"),
        ("to_lower(proc.name) = x", 8, "did you mean 'tolower'?"),
        ("val(proc.name) = x", 3, "right of an operator"),
        ("tolower(proc.name = x", 18, "closing the transformer"),
        (r'proc.name = "a\\"', 12, "not closed"),
        ("tolower() = x", 8, "expected field transformer argument"),
        ("proc.name = val(tolower(proc.name))", 16, "expected a field within 'val'"),
        ("a and\nb c", 8, "expecting"),
    ],
)
def test_errors(text: str, at: int, message: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(text)
    assert message in caught.value.message
    assert caught.value.position[0] == at


def test_positions_count_lines() -> None:
    with pytest.raises(ConditionError) as caught:
        parse("a and\n  b c")
    assert caught.value.position == (10, 2, 5)
    assert (caught.value.span.line, caught.value.span.column) == (2, 5)


@pytest.mark.parametrize("opening", ["(", "not(", "tolower(", "a and (", "join('', ("])
def test_depth_is_bounded(opening: str) -> None:
    with pytest.raises(ConditionError):
        parse(opening * 100_000)


@given(st.text(alphabet="abc.()[]\"'\\ =,<>!%\n\tnotrdiv0123\0é", max_size=60))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        parsed = parse(text)
    except ConditionError as error:
        position = error.position[0]
    else:
        position = 0
        assert condition_text(parsed)
    assert 0 <= position <= len(text)


def lists(**items: list[str]) -> ConditionLists:
    return ConditionLists(
        ListDefinition(name, tuple(values), number, number) for number, (name, values) in enumerate(items.items())
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("proc.name in (shells)", "proc.name in (sh, bash)"),
        ("proc.name in (shells, zsh)", "proc.name in (sh, bash, zsh)"),
        ("proc.name in (none)", "proc.name in ()"),
        ("proc.name in (none, zsh)", "proc.name in (zsh)"),
        ("proc.name in (zsh, none)", "proc.name in (zsh)"),
        ("proc.name in (zsh, none, ash)", "proc.name in (zsh, ash)"),
        ("proc.name in (spaced)", 'proc.name in ("a b", c)'),
        ("proc.name in (both)", "proc.name in (sh, bash, x)"),
        ("proc.name in (unknown)", "proc.name in (unknown)"),
        ("proc.name in (myshells)", "proc.name in (myshells)"),
        ("proc.name = 'run shells now'", 'proc.name = "run sh, bash now"'),
    ],
)
def test_lists_are_put_in_as_text(text: str, expected: str) -> None:
    known = lists(shells=["sh", "bash"], none=[], spaced=["a b", "c"], both=["shells", "x"])
    assert condition_text(parse(text, known)) == expected


def test_lists_that_name_each_other_end() -> None:
    known = lists(a=["b"], b=["a"], c=["c"])
    assert condition_text(parse("proc.name in (a)", known)) == "proc.name in (b)"
    assert condition_text(parse("proc.name in (c)", known)) == "proc.name in (c)"


def test_used_lists_are_known() -> None:
    known = lists(inner=["x"], outer=["inner"], other=["y"], idle=[])
    parse("proc.name in (other)", known)
    assert known.used == {"inner", "other"}


def test_errors_after_a_list_point_into_the_text_as_written() -> None:
    known = lists(names=["one", "two", "three"])
    text = "proc.name in (names) and fd.num >"
    with pytest.raises(ConditionError) as caught:
        parse(text, known)
    assert caught.value.position[0] == len(text)
    with pytest.raises(ConditionError) as caught:
        parse("proc.name = anyof names", known)
    assert caught.value.position[0] == text.index("names") + 4


def macros(**conditions: str) -> Macros:
    known = Macros()
    for name, condition in conditions.items():
        known.define(name, parse(condition))
    return known


def test_macros_are_whole_subtrees() -> None:
    known = macros(a="x.a exists or x.b exists", b="a and x.c exists")
    known.resolve_all()
    resolved = known.resolve(parse("not b and x.d exists"))
    assert condition_text(resolved) == "(not ((x.a exists or x.b exists) and x.c exists) and x.d exists)"
    assert known.used == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "message"),
    [("nope", "Undefined macro 'nope'"), ("first and firts", "did you mean 'first'?")],
)
def test_undefined_macros(text: str, message: str) -> None:
    with pytest.raises(ConditionError) as caught:
        macros(first="x.a exists").resolve(parse(text))
    assert message in caught.value.message
    assert caught.value.code == "LOAD_ERR_VALIDATE"


def test_macros_see_only_earlier_ones() -> None:
    known = macros(first="second", second="x.a exists")
    with pytest.raises(ConditionError, match="defined further down"):
        known.resolve_all()


def test_macros_redefined_later_see_those_between() -> None:
    known = macros(first="x.a exists", second="x.b exists")
    known.define("first", parse("second or x.c exists"), 0, 2)
    known.resolve_all()
    assert condition_text(known.resolve(parse("first"))) == "(x.b exists or x.c exists)"


def test_macro_loops_are_refused() -> None:
    known = macros(first="x.a exists")
    known.define("first", parse("first or x.c exists"), 0, 1)
    with pytest.raises(ConditionError, match="reference loop"):
        known.resolve_all()


def test_exploding_macros_are_refused() -> None:
    known = macros(m0="x.a exists and x.b exists")
    for number in range(1, 60):
        known.define(f"m{number}", parse(f"m{number - 1} or (m{number - 1} and m{number - 1})"))
    with pytest.raises(ConditionError, match=r"checks|deeper"):
        known.resolve_all()


def test_details() -> None:
    parsed = parse(
        "open_it and proc.aname[2] in (shells, x) and not tolower(fd.name) startswith anyof (a) and evt.type=open"
    )
    found = details(parsed, {"open_it"}, {"shells"})
    assert found.fields == {"proc.aname[2]", "fd.name", "evt.type"}
    assert found.operators == {"in", "startswith anyof", "="}
    assert (found.macros, found.lists, found.transformers) == ({"open_it"}, {"shells"}, {"tolower"})
    assert found.event_names == {"open"}
