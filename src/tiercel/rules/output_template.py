"""Output templates: ``User %user.name ran %10proc.name``.

``%`` starts a field or transformer, read as far as it makes sense: ``%fd.names`` is ``fd.name`` and a letter s. A
number after it is a width, to which the value is padded or cut. A leading ``*`` allows missing values; Falco's alerts
always do. There is no escape for ``%``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn

from tiercel.fields.model import ValueType
from tiercel.rules.condition import ConditionCompiler
from tiercel.rules.condition_text import ConditionError, ConditionText, ConditionWarning, Locate
from tiercel.rules.parse_tree import Argument, Call, FieldName, Items
from tiercel.rules.parser import Parser
from tiercel.rules.show import operand_text
from tiercel.rules.syntax import FieldRef, Operand, Span
from tiercel.rules.typing_check import DEPRECATED_FIELDS, Typing
from tiercel.rules.typing_operators import operand_type

MAX_WIDTH = 65_535
CONTAINER_INFO = "%container.info"

_DIGITS = re.compile(r"[0-9]+")
_LONGEST_RETRY = 128  # a misspelt field is not longer


@dataclass(frozen=True, slots=True)
class Slot:
    """A value in a template.

    Attributes:
        operand: the field or transformer.
        width: characters to pad or cut the value to, 0 to leave it.
        text: the operand in Falco's spelling.
        shown: False when Falco prints ``<NA>`` whatever the value, as it does for ``%len(...)``.
    """

    operand: Operand
    width: int
    text: str
    shown: bool = True
    at: Span = field(default_factory=Span, compare=False)


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed output.

    Attributes:
        parts: literal bytes and slots, in order.
        fields: the plain fields inside, transformers peeled off, each with its key in ``output_fields``; once each.
        names: what ``falco -L`` lists as ``output_fields``: every field and transformer, repeated as written.
        text: the template that was parsed.
        lenient: it began with ``*``.
    """

    parts: tuple[bytes | Slot, ...]
    fields: tuple[tuple[str, FieldRef], ...] = ()
    names: tuple[str, ...] = ()
    text: str = ""
    lenient: bool = False


@dataclass(frozen=True, slots=True)
class CompiledOutput:
    """A template with what is doubtful in it."""

    template: Template
    warnings: tuple[ConditionWarning, ...]


class _Builder:
    def __init__(self, source: ConditionText, typing: Typing) -> None:
        self.source = source
        self.typing = typing
        self.parts: list[bytes | Slot] = []
        self.fields: dict[str, FieldRef] = {}
        self.names: list[str] = []
        self._ends_in_call = False

    def run(self, start: int) -> None:
        text = self.source.text
        at = start
        while (percent := text.find("%", at)) >= 0:
            self._literal(text[at:percent])
            if percent == len(text) - 1:
                self._fail("invalid formatting syntax: formatting cannot end with a %", percent)
            at = self._slot(percent)
        self._literal(text[at:])

    def _literal(self, text: str) -> None:
        if text:
            self.parts.append(text.encode("utf-8", "surrogateescape"))

    def _slot(self, percent: int) -> int:
        at = percent + 1
        width = 0
        if digits := _DIGITS.match(self.source.text, at):
            at = digits.end()
            if at == len(self.source.text):
                self._fail("invalid formatting syntax: formatting cannot end with a number", percent)
            width = int(digits[0]) if len(digits[0]) < 10 else MAX_WIDTH + 1
            if width > MAX_WIDTH:
                self._fail(f"a width may not be larger than {MAX_WIDTH}", percent)
        tree, operand, end = self._longest(at, percent)
        text = operand_text(tree)
        self._ends_in_call = False
        if isinstance(operand, FieldRef):
            self.fields.setdefault(text, operand)
            self.names.append(text)
        else:
            self._register(tree)
        shown = operand_type(operand)[0] is not ValueType.UINT64 or isinstance(operand, FieldRef)
        self.parts.append(Slot(operand, width, text, shown, operand.at))
        return end

    def _longest(self, at: int, percent: int) -> tuple[FieldName | Call, Operand, int]:
        """Read the longest field or transformer that exists."""
        parser = Parser(self.source)
        parser.at = at
        try:
            tree = parser.operand()
            return tree, self.typing.operand(tree, self.source), parser.at
        except ConditionError as error:
            problem = error
        end = min(parser.at, at + _LONGEST_RETRY)
        while end > at + 1:
            shorter = ConditionText(self.source.text[at:end])
            parser = Parser(shorter)
            end -= 1
            try:
                tree = parser.operand()
                if isinstance(tree, FieldName) and tree.argument is None and not self.typing.fields.exists(tree.name):
                    end = min(end, at + parser.at - 1)
                    continue
                operand = self.typing.operand(tree, shorter)
            except ConditionError:
                continue
            return tree, operand, at + parser.at
        raise ConditionError(
            f"unknown filter: {problem.message}", self.source, percent, unknown=True, code="LOAD_ERR_COMPILE_OUTPUT"
        )

    def _register(self, tree: Argument) -> None:
        if isinstance(tree, FieldName):
            text = operand_text(tree)
            operand = self.typing.operand(tree, self.source)
            assert isinstance(operand, FieldRef)
            self.fields.setdefault(text, operand)
            self.names.append(text)
            self._ends_in_call = False
        elif isinstance(tree, Items):
            for item in tree.items:
                self._register(item)
        elif isinstance(tree, Call):
            for argument in tree.arguments:
                self._register(argument)
            # libs names only the outermost of transformers that directly enclose each other.
            if self._ends_in_call:
                self.names.pop()
            self.names.append(operand_text(tree))
            self._ends_in_call = True

    def _fail(self, message: str, at: int) -> NoReturn:
        raise ConditionError(message, self.source, at, code="LOAD_ERR_COMPILE_OUTPUT")


def parse_template(written: str, typing: Typing, locate: Locate | None = None) -> Template:
    """Parse an output template.

    Raises:
        ConditionError: with code ``LOAD_ERR_COMPILE_OUTPUT``, an unknown field or a ``%`` without one.
    """
    source = ConditionText(written, locate)
    if not written:
        raise ConditionError("empty formatting token", source, 0, code="LOAD_ERR_COMPILE_OUTPUT")
    lenient = written.startswith("*")
    builder = _Builder(source, typing)
    builder.run(1 if lenient else 0)
    return Template(tuple(builder.parts), tuple(builder.fields.items()), tuple(builder.names), written, lenient)


def compile_output(written: str, compiler: ConditionCompiler, locate: Locate | None = None) -> CompiledOutput:
    """Compile a rule's output, with everything appended to it, as Falco does.

    ``%container.info`` is dropped with a warning; deprecated fields are warned about wherever their name occurs.

    Raises:
        ConditionError: as :func:`parse_template`.
    """
    warnings: list[ConditionWarning] = []
    text = written
    if CONTAINER_INFO in text:
        warnings.append(
            ConditionWarning(
                "LOAD_DEPRECATED_ITEM",
                "%container.info is deprecated and no more useful, and will be dropped by Falco 1.0.0. The container "
                "plugin will automatically add required fields to the output message.",
                ConditionText(written, locate),
                written.index(CONTAINER_INFO),
            )
        )
        text, locate = _without_container_info(written, locate)
    template = parse_template(text, compiler.typing, locate)
    for name in DEPRECATED_FIELDS:
        if name in text:
            message = f"usage of deprecated field '{name}' has been detected in the rule output"
            warnings.append(
                ConditionWarning("LOAD_DEPRECATED_ITEM", message, ConditionText(text, locate), text.index(name))
            )
    return CompiledOutput(template, tuple(warnings))


def _without_container_info(written: str, locate: Locate | None) -> tuple[str, Locate | None]:
    text = written.replace(CONTAINER_INFO, "")
    if locate is None:
        return text, None
    inner = locate

    def shifted(at: int) -> Span:
        """Count the markers dropped before ``at`` back in."""
        offset = 0
        for piece in written.split(CONTAINER_INFO):
            if at <= len(piece):
                break
            at -= len(piece)
            offset += len(piece) + len(CONTAINER_INFO)
        return inner(offset + at)

    return text, shifted
