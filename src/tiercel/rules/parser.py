"""The parser of conditions: a recursive descent over one text, with the grammar of libs 0.25.4.

Boolean operators nest as written; ``not not`` cancels out. Depth is bounded, so hostile text ends in an error.
"""

from __future__ import annotations

import difflib
import re
from itertools import repeat
from typing import NoReturn

from tiercel.rules import lexer
from tiercel.rules.condition_text import ConditionError, ConditionText
from tiercel.rules.parse_tree import (
    Argument,
    Call,
    Compare,
    Conjunction,
    Disjunction,
    Exists,
    FieldName,
    Identifier,
    Items,
    Negation,
    OnePlace,
    Parsed,
    Text,
    TextList,
    Tree,
)

MAX_DEPTH = 80
"""How deep parentheses and transformers may nest."""

_ONE_OF_TRANSFORMERS = ", ".join(("val", *lexer.TRANSFORMERS))
_WORDS = re.compile(r"[^()\"' \t\n\r\f\v=,<>!]+")
_BLANKS = " \t\b\r\n"
_SPELLINGS = {"AND": "and", "And": "and", "&&": "and", "&": "and", "OR": "or", "Or": "or", "||": "or", "|": "or"}


class Parser:
    """Parses one condition; after an error, ``at`` is where it was noticed."""

    __slots__ = ("_checks", "_deepest", "_depth", "_identifiers", "at", "long_met", "source", "text")

    def __init__(self, source: ConditionText) -> None:
        self.source = source
        # The sentinel ends every look-ahead; no token of the language matches it at the end of the text.
        self.text = source.text + "\0"
        self.at = 0
        self._depth = 0
        self._deepest = 0
        self._checks = 0
        self._identifiers: list[Identifier] = []
        self.long_met: set[int] = set()

    def parse(self) -> Parsed:
        """Parse the whole text.

        Raises:
            ConditionError: the text is not a condition.
        """
        if not self.source.text:
            self._fail("the condition is empty")
        if "\0" in self.source.text:
            self.at = self.source.text.index("\0")
            self._fail("a condition may not hold a NUL character")
        tree = self._or()
        if self.at != len(self.source.text):
            self._fail_after(tree)
        return Parsed(tree, self.source, self._deepest + 1, self._checks, tuple(self._identifiers))

    def constants(self) -> tuple[str, ...] | None:
        """Parse the text as constants in parentheses; None when it holds anything else."""
        try:
            found = self._list()
        except ConditionError:
            return None
        return found.values if found is not None and self.at == len(self.source.text) else None

    def operand(self) -> FieldName | Call:
        """Parse a field or a transformer at ``at`` and leave what follows, as output templates need it.

        Raises:
            ConditionError: neither stands there.
        """
        left = self._left()
        if left is None:
            self._fail("expected a field or a transformer")
        return left

    # Boolean operators

    def _or(self) -> Tree:
        start = self.at
        self._blank()
        first = self._and()
        if not self._word("or"):
            return first
        children = [first]
        while True:
            if self._blank():
                children.append(self._and())
            else:
                children.append(self._tail("or"))
            if not self._word("or"):
                return Disjunction(tuple(children), start)

    def _and(self) -> Tree:
        start = self.at
        self._blank()
        first = self._not()
        if not self._word("and"):
            return first
        children = [first]
        while True:
            children.append(self._not() if self._blank() else self._tail("and"))
            if not self._word("and"):
                return Conjunction(tuple(children), start)

    def _word(self, word: str) -> bool:
        self._blank()
        if self.text.startswith(word, self.at):
            self.at += len(word)
            return True
        return False

    def _tail(self, word: str) -> Tree:
        """What follows ``and`` or ``or`` without a blank: only a parenthesis may."""
        if self.text[self.at] != "(":
            self._fail(f"expected a blank or '(' after '{word}'")
        self.at += 1
        return self._inside()

    def _not(self) -> Tree:
        start = self.at
        self._blank()
        negated = False
        while match := lexer.NOT.match(self.text, self.at):
            self.at = match.end()
            negated = not negated
        if self.text.startswith("not(", self.at):
            self.at += 4
            negated = not negated
            child = self._inside()
        else:
            child = self._check()
        return Negation(child, start) if negated else child

    def _inside(self) -> Tree:
        """The rest of a parenthesis whose opening has been read."""
        self._enter()
        self._blank()
        child = self._or()
        self._blank()
        if self.text[self.at] != ")":
            if self.at < len(self.source.text):
                self._fail_after(child, "')', 'and' or 'or'")
            self._fail("expected a ')' token: a parenthesis is not closed")
        self.at += 1
        self._depth -= 1
        return child

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > self._deepest:
            self._deepest = self._depth
            if self._depth > MAX_DEPTH:
                self._fail(f"the condition nests deeper than {MAX_DEPTH} levels")

    # Checks

    def _check(self) -> Tree:
        start = self.at
        self._blank()
        if self.text[self.at] == "(":
            self.at += 1
            return self._inside()
        left = self._left()
        if left is not None:
            self._checks += 1
            return self._condition(left, start)
        if match := lexer.IDENTIFIER.match(self.text, self.at):
            self.at = match.end()
            identifier = Identifier(match[0], start)
            self._identifiers.append(identifier)
            return identifier
        hint = " (did you mean 'not'?)" if self.text[self.at] == "!" else ""
        self._fail("expected a '(' token, a field check, or an identifier" + self._but_found() + hint)

    def _left(self) -> FieldName | Call | None:
        start = self.at
        if match := lexer.FIELD.match(self.text, start):
            self.at = match.end()
            return FieldName(match[0], self._bracket(), start)
        if match := lexer.TRANSFORMER.match(self.text, start):
            self.at = match.end()
            return self._arguments(match[1], start)
        return None

    def _bracket(self) -> str | None:
        if self.text[self.at] != "[":
            return None
        self.at += 1
        argument = self._quoted()
        if argument is None:
            match = lexer.FIELD_ARGUMENT.match(self.text, self.at)
            if match is None:
                self._fail("expected a valid field argument: a quoted string or a bare string")
            argument = match[0]
            self.at = match.end()
        if self.text[self.at] != "]":
            self._fail("expected a ']' token")
        self.at += 1
        return argument

    def _condition(self, left: FieldName | Call, start: int) -> Tree:
        self._blank()
        match = lexer.OPERATOR.match(self.text, self.at)
        if match is None:
            self._fail_operator()
        operator, operator_at = match[0], match.start()
        group = match.lastindex
        self.at = match.end()
        if group == 1:
            return Exists(left, start)
        right: Text | TextList | Call
        modifier = ""
        if group == 2:
            right = self._number()
        elif group == 3:
            had_blank = self._blank() or operator[0].isalpha()
            modified = lexer.MODIFIER.match(self.text, self.at) if had_blank else None
            if modified is not None and self._list_follows(modified.end()):
                self.at = modified.end()
                modifier = modified[1]
                right = self._list() or self._identifier_text("expected a list or an identifier")
            else:
                message = f"expected a string value or a field with a valid transformer: {_ONE_OF_TRANSFORMERS}"
                if self.text[self.at] == "(":
                    self._fail(message + self._but_found() + " (did you mean 'in'?)")
                right = self._call_or_val() or self._string(message)
        else:
            self._blank()
            message = f"expected a list, an identifier, or a field with a valid transformer: {_ONE_OF_TRANSFORMERS}"
            right = self._list() or self._call_or_val() or self._identifier_text(message)
        return Compare(left, operator, modifier, right, start, operator_at)

    def _list_follows(self, at: int) -> bool:
        text = self.text
        return text[at] == "(" or bool(lexer.IDENTIFIER.match(text, at) and not lexer.BOOLEAN_WORD.match(text, at))

    # Right-hand sides

    def _number(self) -> Text | Call:
        self._blank()
        if (call := self._call_or_val()) is not None:
            return call
        return self._number_text() or self._fail(
            f"expected a number value or a field with a valid transformer: {_ONE_OF_TRANSFORMERS}" + self._but_found()
        )

    def _number_text(self) -> Text | None:
        if match := lexer.NUMBER.match(self.text, self.at):
            text = Text(match[0], self.at)
            self.at = match.end()
            return text
        return None

    def _string(self, message: str) -> Text:
        start = self.at
        quoted = self._quoted()
        if quoted is not None:
            return Text(quoted, start)
        match = lexer.BARE.match(self.text, start)
        if match is None:
            self._fail(message + self._but_found())
        self.at = match.end()
        return Text(match[0], start)

    def _identifier_text(self, message: str) -> Text:
        match = lexer.IDENTIFIER.match(self.text, self.at)
        if match is None:
            self._fail(message + self._but_found())
        text = Text(match[0], self.at)
        self.at = match.end()
        return text

    def _list(self) -> TextList | None:
        start = self.at
        if self.text[start] != "(":
            return None
        self.at += 1
        self._blank()
        values: list[str] = []
        places: list[int] = []
        if self.text[self.at] == ")":
            self.at += 1
            return TextList((), (), start)
        lists = self.source.long
        while True:
            if match := lexer.LIST_ITEM.match(self.text, self.at):
                self.at = match.end()
                if lists and (long := lists.get(match.start(1))) is not None:
                    self.long_met.add(match.start(1))
                    if not values and match[2] == ")":
                        return TextList(long.values, OnePlace(match.start(1), len(long.values)), start)
                    values.extend(long.values)
                    places.extend(repeat(match.start(1), len(long.values)))
                else:
                    values.append(match[1])
                    places.append(match.start(1))
                if match[2] == ")":
                    return TextList(tuple(values), tuple(places), start)
                continue
            self._blank()
            item = self._string("expected a string value")
            values.append(item.value)
            places.append(item.at)
            self._blank()
            if self.text[self.at] == ",":
                self.at += 1
            elif self.text[self.at] == ")":
                self.at += 1
                return TextList(tuple(values), tuple(places), start)
            else:
                self._fail("expected a ')' token or ',' in the list" + self._but_found())

    def _call_or_val(self) -> Call | None:
        start = self.at
        if self.text.startswith("val(", start):
            self.at += 4
            self._blank()
            inner = self.at
            match = lexer.FIELD.match(self.text, inner)
            if match is None:
                self._fail("expected a field within 'val' transformer")
            self.at = match.end()
            field = FieldName(match[0], self._bracket(), inner)
            self._blank()
            if self.text[self.at] != ")":
                self._fail("expected a ')' token closing the transformer")
            self.at += 1
            return Call("val", (field,), self._bracket(), start)
        if match := lexer.TRANSFORMER.match(self.text, start):
            self.at = match.end()
            return self._arguments(match[1], start)
        return None

    # Transformers

    def _arguments(self, name: str, start: int) -> Call:
        """The rest of a transformer whose name and opening parenthesis have been read."""
        self._enter()
        arguments = [self._argument()]
        self._blank()
        while self.text[self.at] == ",":
            self.at += 1
            arguments.append(self._argument())
            self._blank()
        if self.text[self.at] != ")":
            self._fail("expected a ')' token closing the transformer")
        self.at += 1
        self._depth -= 1
        return Call(name, tuple(arguments), self._bracket(), start)

    def _argument(self) -> Argument:
        self._blank()
        start = self.at
        if self.text[start] == "(":
            self.at += 1
            return self._items(start)
        item = self._item()
        if item is None:
            self._fail(
                "expected field transformer argument: field, transformer, quoted string, number, or transformer list"
                + self._but_found()
            )
        return item

    def _item(self) -> Argument | None:
        start = self.at
        if (number := self._number_text()) is not None:
            return number
        quoted = self._quoted()
        if quoted is not None:
            return Text(quoted, start)
        return self._left()

    def _items(self, start: int) -> Items:
        items: list[Argument] = []
        self._blank()
        if self.text[self.at] == ")":
            self.at += 1
            return Items((), start)
        while True:
            self._blank()
            item = self._item()
            if item is None:
                self._fail("expected transformer list argument: field, transformer, quoted string, or number")
            items.append(item)
            self._blank()
            if self.text[self.at] == ",":
                self.at += 1
                continue
            if self.text[self.at] != ")":
                self._fail("expected ')'")
            self.at += 1
            return Items(tuple(items), start)

    # Tokens

    def _blank(self) -> bool:
        if self.text[self.at] in _BLANKS:
            self.at = lexer.BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]
            return True
        return False

    def _quoted(self) -> str | None:
        start = self.at
        quote = self.text[start]
        if quote not in "\"'":
            return None
        end = lexer.closing_quote(self.text, start)
        if end < 0:
            self._fail("a quoted string is not closed")
        self.at = end + 1
        try:
            return lexer.unescape(self.text[start + 1 : end], quote)
        except ValueError as error:
            self._fail(str(error))

    # Errors

    def _fail(self, message: str, at: int | None = None) -> NoReturn:
        raise ConditionError(message, self.source, self.at if at is None else at)

    def _but_found(self) -> str:
        match = lexer.BARE.match(self.source.text, self.at)
        if match:
            return f", found '{match[0][:40]}'"
        return f", found '{self.source.text[self.at]}'" if self.at < len(self.source.text) else ""

    def _fail_operator(self) -> NoReturn:
        word = lexer.BARE.match(self.source.text, self.at)
        message = f"expected a valid check operator: one of {', '.join(lexer.OPERATORS)}" + self._but_found()
        if word:
            close = difflib.get_close_matches(word[0], lexer.OPERATORS, 1)
            if word[0] in lexer.MODIFIERS:
                message += f" (did you mean '= {word[0]}'?)"
            elif close:
                message += f" (did you mean '{close[0]}'?)"
        self._fail(message)

    def _fail_after(self, tree: Tree, wanted: str = "'or', 'and'") -> NoReturn:
        text, at = self.source.text, self.at
        words = _WORDS.findall(text, max(at - 200, 0), at)
        last = words[-1] if words else ""
        message = f"unexpected token after '{last[-40:]}', expecting {wanted}" + self._but_found()
        while isinstance(tree, Conjunction | Disjunction):
            tree = tree.children[-1]
        if isinstance(tree, Negation):
            tree = tree.child
        if isinstance(tree, Identifier) and text[at : at + 1] == "(":
            if tree.name == "val":
                message = "val() may only stand on the right of an operator"
            else:
                close = difflib.get_close_matches(tree.name, lexer.TRANSFORMERS, 1)
                hint = f" (did you mean '{close[0]}'?)" if close else f": one of {', '.join(lexer.TRANSFORMERS)}"
                message = f"unknown transformer '{tree.name}'{hint}"
        elif isinstance(tree, Compare) and tree.modifier and text[at : at + 1] == ",":
            message = f"'{tree.modifier}' takes a list in parentheses, or one value" + self._but_found()
        else:
            message += self._meant(tree)
        self._fail(message)

    def _meant(self, tree: Tree) -> str:
        """Guess at what the next word was meant to be."""
        word = lexer.BARE.match(self.source.text, self.at)
        if word is None:
            return " (did you mean to open a parenthesis before it?)" if self.text[self.at] == ")" else ""
        if word[0] in _SPELLINGS:
            return f" (did you mean '{_SPELLINGS[word[0]]}'?)"
        if isinstance(tree, Compare) and isinstance(tree.right, Text) and self.text[self.at - 1] in _BLANKS:
            value = f"{tree.right.value} {word[0]}"
            return f" (did you mean '{value[:60]}', in quotes?)"
        return ""


def parse_text(source: ConditionText) -> Parsed:
    """Parse a condition whose lists have been put in; macros stay identifiers.

    Raises:
        ConditionError: the text is not a condition.
    """
    return Parser(source).parse()
