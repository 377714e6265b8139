"""Describes loaded rules, macros and lists, with the keys of ``falco -L`` as JSON.

Falco prints sets in no particular order; here they are sorted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tiercel.rules.collector import Collector, RuleInfo
from tiercel.rules.compile import Compilation
from tiercel.rules.condition import ConditionError, Parsed, parse
from tiercel.rules.event_types import event_names
from tiercel.rules.load import LoadResult
from tiercel.rules.model import Macro, Rule, RuleList
from tiercel.rules.show import Details, condition_text, details
from tiercel.rules.typing_check import Typing
from tiercel.rules.typing_fields import FieldNames

_PLUGIN_FIELDS = ("container.", "k8s.")
_PLUGIN_EVENTS = frozenset(("container", "container_removed"))


def describe(loaded: LoadResult, names: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the description of everything loaded, or of the rules named.

    Args:
        loaded: the result of loading, not from the cache.
        names: names of rules; those not loaded are left out.

    Raises:
        ValueError: ``loaded`` came from the cache.
    """
    if loaded.compilation is None or loaded.collector is None:
        raise ValueError("rules from the cache cannot be described")
    about = _Describer(loaded.compilation, loaded.collector)
    if names is not None:
        wanted = set(names)
        return {"rules": [about.rule(rule) for rule in loaded.rules if rule.name in wanted]}
    return {
        "required_engine_version": str(loaded.engine_version),
        "required_plugin_versions": [
            {
                "name": first.plugin,
                "version": first.version,
                "alternatives": [{"name": other.plugin, "version": other.version} for other in others],
            }
            for first, *others in loaded.plugin_versions
        ],
        "rules": [about.rule(rule) for rule in loaded.rules],
        "macros": [about.macro(macro) for macro in loaded.macros],
        "lists": [about.list(known) for known in loaded.lists],
    }


class _Describer:
    def __init__(self, compilation: Compilation, collector: Collector) -> None:
        self.compilation = compilation
        self.collector = collector
        self.typing = Typing(FieldNames())

    def rule(self, rule: Rule) -> dict[str, Any]:
        info = self.collector.rules[rule.name]
        parsed = self.compilation.parsed[rule.name]
        compiled = self._details(parsed)
        plain = self._plain(info.condition.text)
        extra = [template.text for template, _ in rule.output_fields.values()]
        outputs = [*extra, *rule.output.names]
        made: dict[str, Any] = {
            "macros": sorted(plain.macros),
            "lists": sorted(plain.lists),
            "condition_operators": sorted(compiled.operators),
            "condition_fields": sorted(compiled.fields),
            "output_fields": outputs,
            "exception_fields": sorted(_exception_fields(info)),
            "exception_names": sorted({known.name for known in rule.exceptions}),
            "exception_operators": sorted({name for known in rule.exceptions for name in known.operators}),
            "events": sorted(event_names(rule.condition, rule.source)),
            "condition_compiled": condition_text(parsed),
            "output_compiled": rule.output.text,
            "plugins": _plugins(compiled, outputs),
        }
        formatted = {name: template.text for name, (template, raw) in rule.output_fields.items() if not raw}
        if formatted:
            made["extra_output_formatted_fields"] = formatted
        return {
            "info": {
                "name": rule.name,
                "condition": rule.condition_text,
                "priority": rule.priority.label,
                "output": rule.output_text,
                "description": rule.desc,
                "enabled": rule.enabled,
                "source": rule.source,
                "capture": rule.capture,
                "capture_duration": rule.capture_duration,
                "tags": list(rule.tags),
            },
            "details": made,
        }

    def macro(self, macro: Macro) -> dict[str, Any]:
        parsed = self.compilation.macro_parsed.get(macro.name)
        made: dict[str, Any] = {"used": macro.used, "plugins": []}
        if parsed is not None:
            compiled, plain = self._details(parsed), self._plain(macro.text)
            made |= {
                "macros": sorted(plain.macros),
                "lists": sorted(plain.lists),
                "condition_operators": sorted(compiled.operators),
                "condition_fields": sorted(compiled.fields),
                "condition_compiled": condition_text(parsed),
            }
            try:
                made["events"] = sorted(event_names(self.typing.condition(parsed).node))
            except ConditionError:  # a macro that no rule of this source uses
                made["events"] = []
        return {"info": {"name": macro.name, "condition": macro.text}, "details": made}

    def list(self, known: RuleList) -> dict[str, Any]:
        kept = set(known.values)
        return {
            "info": {"name": known.name, "items": [item for item in known.items if item in kept]},
            "details": {
                "used": known.used,
                "lists": sorted({item for item in known.items if item not in kept}),
                "items_compiled": list(known.values),
                "plugins": [],
            },
        }

    def _details(self, parsed: Parsed) -> Details:
        return details(parsed, self.collector.macros, self.collector.lists)

    def _plain(self, condition: str) -> Details:
        """Return what a condition is made of as written, its lists and macros still names."""
        try:
            return self._details(parse(condition))
        except ConditionError:
            return Details()


def _exception_fields(info: RuleInfo) -> set[str]:
    return {field for known in info.exceptions if known.values for field in known.fields.texts()}


def _plugins(compiled: Details, outputs: Iterable[str]) -> list[str]:
    names = compiled.fields.union(outputs)
    used = any(name.startswith(_PLUGIN_FIELDS) for name in names) or bool(compiled.event_names & _PLUGIN_EVENTS)
    return ["container"] if used else []
