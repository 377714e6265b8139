"""Deterministic mutations of conditions and rules files, by words and by characters."""

from __future__ import annotations

import re
from random import Random

WORDS = (
    "and", "or", "not", "(", ")", "=", "!=", "==", "<", "<=", ">", ">=", "in", "intersects", "pmatch", "contains",
    "icontains", "bcontains", "startswith", "bstartswith", "endswith", "glob", "iglob", "regex", "exists", "oneof",
    "anyof", "allof", "noneof", ",", "proc.name", "proc.aname[2]", "proc.args[0]", "fd.name", "fd.sip", "fd.snet",
    "fd.types[1]", "evt.type", "evt.arg.flags", "evt.arg[", "evt.rawarg.res", "evt.is_open_read", "proc.pid",
    "container.id", "k8s.pod.label[app]", "user.uid", "tolower(", "toupper(", "b64(", "basename(", "len(", "join(",
    "concat(", "getopt(", "val(", "10.0.0.0/8", "::1/128", "0x1F", "-1", "1.5e3", "18446744073709551616", "true",
    "<NA>", "'a b'", '"', "'", "\\", "\\x41", "[", "]", "%", "*", "^(a+)+$", "(?i)x{1,1000}", "\0", "\t", "\n", "\r",
    "é", "\U0001f600", "\ud800", "#", ":", "-", "|", ">", "{", "}", "&a", "*a", "!!python/object:os.system", "---",
    "append: true", "override:", "condition: replace", "enabled: false", "exceptions:", "fields:", "comps:", "values:",
    "tags: [", "priority: ", "items: [", "macro:", "list:", "rule:", "required_engine_version: 99",
)  # fmt: skip
_TOKENS = re.compile(r"[\w.\[\]/]+|\s+|[^\w\s]")


def tokens(text: str) -> list[str]:
    """Return the words, blanks and signs of a text; joined they are the text again."""
    return _TOKENS.findall(text)


def mutate(seed: list[str], random: Random, donor: list[str], limit: int = 65536) -> str:
    """Return a damaged copy of a text given as tokens; ``donor`` lends some to splice in."""
    words = list(seed)
    for _ in range(1 + min(random.getrandbits(3), random.getrandbits(3))):
        _mutate_once(words, random, donor)
    text = "".join(words)
    if random.random() < 0.15:
        text = _characters(text, random)
    return text[:limit]


def _mutate_once(words: list[str], random: Random, donor: list[str]) -> None:
    at = random.randrange(len(words) + 1)
    kind = random.randrange(9)
    if kind == 0 and at < len(words):
        del words[at : at + random.randint(1, 4)]
    elif kind == 1:
        words[at:at] = [" ", random.choice(WORDS), " "]
    elif kind == 2 and at < len(words):
        words[at] = random.choice(WORDS)
    elif kind == 3 and words:
        other = random.randrange(len(words))
        words[at:at] = words[other : other + random.randint(1, 12)]
    elif kind == 4 and at < len(words):
        other = random.randrange(len(words))
        words[at], words[other] = words[other], words[at]
    elif kind == 5 and donor:
        start = random.randrange(len(donor))
        words[at:at] = donor[start : start + random.randint(1, 20)]
    elif kind == 6:
        del words[at:]
    elif kind == 7:
        words[at:at] = [random.choice(WORDS)] * random.choice((2, 8, 64, 512))
    elif words:
        start = random.randrange(len(words))
        depth = random.choice((1, 3, 40, 300))
        words[start:start] = [random.choice(("(", "not ", "not ("))] * depth
        words += [")"] * random.choice((0, depth))


def _characters(text: str, random: Random) -> str:
    letters = list(text)
    for _ in range(random.randint(1, 6)):
        if letters:
            letters[random.randrange(len(letters))] = chr(
                random.choice((random.getrandbits(7), random.getrandbits(11)))
            )
    return "".join(letters)
