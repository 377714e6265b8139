"""What is wrong with rules, in plain words.

Verdicts as JSON keep Falco's sentences, which other programs look for; people read these instead.
"""

from __future__ import annotations

import re

_PLAIN: tuple[tuple[str, str], ...] = (
    # fields
    (
        r"filter_check called with nonexistent field (\S+?\[.*\]): '(.*?)' takes no argument(.*)",
        r"field '\2' takes no argument\3",
    ),
    (
        r"filter_check called with nonexistent field (\S+): no such event type",
        r"unknown field '\1': there is no such event type",
    ),
    (r"filter_check called with nonexistent field (.+)", r"unknown field '\1'"),
    (r"the field '(.+)' requires an argument but none provided", r"field '\1' needs an argument in brackets"),
    (r"the field '(.+)' (takes a number.*)", r"field '\1' \2"),
    (r"unknown event argument (\S+)", r"unknown event argument '\1'"),
    (r"unknown event type (\S+)", r"unknown event type '\1'"),
    (r"'(.*)' is not a supported filter field", r"unknown field '\1' in an exception"),
    # operators, transformers and constants
    (r"'(.*)' is not a supported comparison operator", r"unknown operator '\1' in an exception"),
    (r"'(\S+)' operator not supported for (.+) filters: (.*)", r"operator '\1' does not compare \2 fields: \3"),
    (r"'(\S+)' operator not supported for type '(\S+)'", r"operator '\1' does not compare values of type \2"),
    (r"'(\S+)' operator not supported for list filters: (.*)", r"operator '\1' does not compare lists: \2"),
    (r"'(\S+)' does not go with list filters", r"'\1' does not go with fields that are lists"),
    (r"list filters are not supported for type '(\S+)'", r"lists of type \1 cannot be compared"),
    (r"expected a valid check operator: (.*), found '(.*)'", r"expected an operator, found '\2': \1"),
    (r"expected a valid check operator: (.*)", r"expected an operator: \1"),
    (
        r"can't add field transformer: type '(\S+)' is not supported by '(\S+)' transformer applied on (.+)",
        r"transformer '\2' does not take type \1: \3",
    ),
    (r"transformer '(\S+)' does not support field arguments", r"transformer '\1' takes nothing in brackets"),
    (r"(\S+) is not a valid number(.*)", r"'\1' is not a number\2"),
    (r"unrecognized boolean value (\S+): (.*)", r"'\1' is neither true nor false"),
    (r"unrecognized protocol (\S+): (.*)", r"'\1' is \2"),
    (r"unrecognized (IPv4|IPv6) address (\S+?)(:.*)?$", r"'\2' is no \1 address\3"),
    (r"unrecognized IP network (\S+): (.*)", r"'\1' is no network: \2"),
    (r"invalid netmask (\S+) in (\S+)", r"'\2' is no network: the prefix '\1' does not fit"),
    (r"invalid regex pattern: (.*)", r"the regex is malformed: \1"),
    (r"event code search does not support `evt.type` checks with transformers", r"'evt.type' cannot be transformed"),
    (
        r"right-hand field comparisons on `evt.type`/`syscall.type` checks are not supported by event code search",
        r"'evt.type' is compared with names of events, not with another field",
    ),
    (r"evt.around supports only '=' comparison operator", r"'evt.around' is compared with '=' only"),
    (
        r"(?:field )?'(.*?)' has type '(.*?)' while the right-hand side (?:field )?'(.*?)' has incompatible "
        r"type '(.*?)'",
        r"'\1' (\2) cannot be compared with '\3' (\4)",
    ),
    (
        r"the argument of '(.*?)' is a number: (\S+) is not a valid number(.*)",
        r"the argument of '\1' must be a number, not '\2'\3",
    ),
    # syntax
    (r"expected a '\(' token, a field check, or an identifier(.*)", r"expected a field, a macro or '('\1"),
    (r"expected a '(.)' token: a parenthesis is not closed", r"a parenthesis is not closed"),
    (r"expected a '\)' token or ',' in the list(.*)", r"expected ',' or ')' in the list\1"),
    (r"expected a '(.)' token(.*)", r"expected '\1'\2"),
    (
        r"expected a list, an identifier, or a field with a valid transformer: .*?(, found .*)?$",
        r"expected a list in parentheses\1",
    ),
    (r"expected a (string|number) value or a field with a valid transformer: .*?(, found .*)?$", r"expected a \1\2"),
    (r"expected a (string|number) value(.*)", r"expected a \1\2"),
    (r"expected a valid field argument: .*", r"expected the argument of the field between the brackets"),
    (
        r"unexpected token after '(.*?)', expecting 'or', 'and', found '(.*)'",
        r"expected 'and' or 'or' after '\1', found '\2'",
    ),
    (r"unexpected token after '(.*?)', expecting 'or', 'and'", r"expected 'and' or 'or' after '\1'"),
    (r"unexpected token after '(.*?)', expecting (.*?), found '(.*)'$", r"expected \2 after '\1', found '\3'"),
    (r"unexpected token after '(.*?)', expecting (.*)$", r"expected \2 after '\1'"),
    # macros and lists
    (r"Undefined macro '(.*?)' used in filter\.(.*)", r"unknown macro '\1'\2"),
    (r"reference loop in macro '(.*)'", r"macro '\1' uses itself"),
    (r"Macro not referred to by any other rule/macro", r"nothing uses the macro {name}"),
    (r"List not referred to by any other rule/macro", r"nothing uses the list {name}"),
    (
        r"(\w+) uses 'append' or 'override.*?' but no (\w+) by that name already exists",
        r"there is no \2 {name} to append to",
    ),
    (
        r"An 'override.<key>: replace' to a rule was requested but no rule by that name already exists",
        r"there is no rule {name} to change",
    ),
    (r"Rule has 'enabled' key but no rule by that name already exists", r"there is no rule {name} to switch on or off"),
    (r"(Macro|List) has an invalid name\. .*", r"conditions cannot refer to the name {name}"),
    # outputs
    (r"unknown filter: (.*)", r"\1"),
    (r"expected a field or a transformer", r"expected a field or a transformer after '%'"),
    (r"invalid formatting syntax: formatting cannot end with a %", r"nothing follows the last '%'"),
    (r"invalid formatting syntax: formatting cannot end with a number", r"no field follows the width"),
    (r"empty formatting token", r"the output is empty"),
    (
        r"usage of deprecated field '(.*)' has been detected in the rule output",
        r"field '\1' is deprecated: it has no value",
    ),
    # items and keys
    (r"yaml-cpp: error at line \d+, column \d+: (.*)", r"not YAML: \1"),
    (r"Rules content is not yaml array of objects", r"a rules file is a list of items"),
    (r"Rules content is not yaml", r"a rules file is a list of items, not a text"),
    (r"Unexpected element type\. .*", r"an item is a mapping, with a key such as 'rule', 'macro' or 'list'"),
    (r"Unknown top level item", r"this item is no rule, macro, list or requirement; it is skipped"),
    (r"Unknown key '(.*)'\. The key will be ignored\.", r"unknown key '\1', which is ignored"),
    (r"Item has no mapping for key '(.*)'", r"the key '\1' is missing"),
    (r"Mapping for key '(.*)' is empty", r"the key '\1' has no value"),
    (r"Value is not a scalar value", r"expected one text, found {word}"),
    (r"Value is not a sequence", r"expected a list, found {word}"),
    (r"sequence value is not scalar", r"expected a text in this list, found {word}"),
    (r"Value must be non-empty", r"the value is empty"),
    (r"Can't decode YAML scalar value", r"{word} is of the wrong kind"),
    (r"Invalid priority", r"unknown priority {word}"),
    (r"Unknown source (\S+), skipping", r"unknown source '\1': the rule is skipped"),
    (r"Unable to parse engine version '(.*?)' .*", r"'\1' is no version: write x.y.z"),
    (r"Rules require engine version (\S+), but engine version is (\S+)", r"engine version \1 is required, this is \2"),
    (
        r"Appended rule must have exceptions or condition property",
        r"there is nothing to append: give a condition or exceptions",
    ),
    (r"The rule must have at least one field that can be replaced", r"there is nothing to replace"),
    (r"Rule has been re-defined with a different source", r"the rule {name} was defined before with another source"),
    (
        r"An (\w+) override for '(.*?)' was specified but '.*?' is not defined",
        r"override says '\2: \1', but the key '\2' is missing",
    ),
    (r"Unexpected key '(.*?)': no corresponding entry .*", r"override does not mention the key '\1'"),
    (r"Key '(.*)' cannot be appended to, use 'replace' instead", r"override cannot append to '\1'"),
    (r"Key '(.*)' cannot be replaced", r"override cannot replace '\1'"),
    (
        r"Invalid override operation for key '(.*?)': '(.*?)'\. Allowed values are: (.*)",
        r"override of '\1' cannot be '\2'",
    ),
    (r"Keys 'override' and 'append: true' cannot be used together\..*", r"'append: true' does not go with 'override'"),
    (r"'append' key is deprecated\..*", r"the key 'append' is deprecated"),
    (r"The standalone 'enabled' key usage is deprecated\..*", r"a rule item with 'enabled' alone is deprecated"),
    # exceptions
    (r"Fields and (\w+) lists must have equal length", r"the exception has not as many \1 as fields"),
    (r"Fields and comps must both be strings", r"the exception has one field: its comps must be one operator too"),
    (
        r"When fields is a single value, comps must be one of .*",
        r"the exception has one field: its operator must take a list (in, pmatch, intersects, startswith oneof …)",
    ),
    (r"Expected values array to contain a list of strings", r"the exception has one field: its values must be texts"),
    (r"Rule exception(?: item)? must have fields property .*", r"the exception has no fields"),
    (r"Rule exception must have values property .*", r"the exception has no values"),
    (r"Rule exception values must be a sequence", r"the values of an exception are a list"),
    (r"Rule exceptions must be a sequence", r"the exceptions of a rule are a list"),
    (r"Rule exception must be a mapping", r"an exception is a mapping with the keys name, fields, comps and values"),
    (
        r"Can not append exception (\w+) to existing exception, only values",
        r"an exception that exists takes more values, not other \1",
    ),
    (r"Multiple definitions of exception '(.*)' in the same rule", r"the rule has two exceptions named '\1'"),
    (r"Overriding/appending exception with no values", r"the exception brings no values"),
    # constants that are doubtful
    (
        r"regex check with '(.*)' may be optimized with simpler operators such as .*",
        r"'\1' needs no regex: =, contains, startswith or endswith is faster",
    ),
    (r"'(.*)' may be a valid field misused as a const string value", r"'\1' is compared as text, not as the field"),
    (
        r"'(.*)' may be a valid field transformer misused as a const string value",
        r"'\1' is compared as text, not as the transformer",
    ),
    (r"Rule matches too many evt\.type values\. .*", r"the rule looks at too many types of events, which is slow"),
)

_FORMS = tuple((re.compile(falco, re.DOTALL), plain) for falco, plain in _PLAIN)


def plain(message: str, name: str = "", word: str = "") -> str:
    """Return a message in plain words; one that is not Falco's comes back as it is.

    Args:
        message: what Falco says.
        name: the rule, macro or list it is about.
        word: what stands at the place it is about.
    """
    message = message.removeprefix("unknown filter: ").removeprefix("filter error: ")
    for falco, ours in _FORMS:
        found = falco.fullmatch(message)
        if found is not None:
            text = found.expand(ours)
            return text.replace("{name}", f"'{name}'").replace("{word}", f"'{word}'" if word else "nothing")
    return message
