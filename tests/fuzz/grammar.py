"""Makes up conditions that mostly compile: fields of the catalogue, operators and values that tend to fit."""

from __future__ import annotations

from random import Random

from tiercel.fields.catalogue import FIELDS
from tiercel.fields.model import Argument, Field, ValueType

TEXTS = (
    "bash", "sh", "nginx", "sshd", "/etc/shadow", "/tmp", "/tmp/x", "'cat /etc/shadow'", "10.0.0.5", "<NA>", "''",
    "root", "'a b'", "\"it's\"", "host", "web", "tcp", "f", "ipv4", "openat", "execve", "O_RDONLY", "-i", "3", "0",
    "*", "?", "/usr/*/bash", "[a-z]*", "true", "false", "'a\\\\b'", "é",
)  # fmt: skip
PATTERNS = ("bash", ".*", "^/etc/.*$", "'(a|b)+'", "'[a-z]{1,3}sh'", "'(?i)ROOT'", "''", ".*shadow")
NUMBERS = ("0", "1", "-1", "2", "3", "80", "443", "1000", "1004", "4294967295", "0x10", "9223372036854775807", "-13")
ADDRESSES = ("10.0.0.5", "198.51.100.7", "203.0.113.9", "::1", "2001:db8::1", "127.0.0.1")
NETWORKS = ("10.0.0.0/8", "0.0.0.0/0", "203.0.113.9", "2001:db8::/32", "198.51.100.0/24", "10.0.0.5/32")
TEXT_OPERATORS = (
    "=", "==", "!=", "contains", "icontains", "startswith", "endswith", "glob", "iglob", "regex", "in", "pmatch",
    "intersects", "exists",
)  # fmt: skip
NUMBER_OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "in", "exists", "intersects")
NUMERIC = {
    ValueType.INT16, ValueType.INT32, ValueType.INT64, ValueType.UINT32, ValueType.UINT64, ValueType.PORT,
    ValueType.ABSTIME, ValueType.RELTIME, ValueType.DOUBLE,
}  # fmt: skip
TRANSFORMERS = ("tolower", "toupper", "b64", "basename", "len")
NAMES = ("flags", "name", "res", "PATH", "app", "fd", "uid", "size")


class Grammar:
    """``condition`` gives a made-up condition; ``texts`` adds values worth comparing with."""

    def __init__(self, texts: tuple[str, ...] = ()) -> None:
        self.fields = [field for field in FIELDS.values() if not field.print_only and field.source == "syscall"]
        self.texts = TEXTS + texts

    def condition(self, random: Random, depth: int = 3) -> str:
        """Return a condition of up to ``depth`` nested levels."""
        chance = random.random()
        if depth == 0 or chance < 0.4:
            return self.check(random)
        if chance < 0.5:
            return f"not {self._wrapped(random, depth)}"
        joint = random.choice((" and ", " or "))
        return joint.join(self._wrapped(random, depth) for _ in range(random.randint(2, 3)))

    def _wrapped(self, random: Random, depth: int) -> str:
        return f"({self.condition(random, depth - 1)})"

    def check(self, random: Random) -> str:
        """Return one comparison."""
        field = random.choice(self.fields)
        left = field.name + self._argument(field, random)
        kind = field.type
        if random.random() < 0.12:
            transformer = random.choice(TRANSFORMERS)
            left = f"{transformer}({left})"
            kind = ValueType.UINT64 if transformer == "len" else ValueType.CHARBUF
        numeric = kind in NUMERIC
        if kind is ValueType.BYTEBUF and random.random() < 0.5:
            return f"{left} {random.choice(('bcontains', 'bstartswith'))} {random.choice(('6261', '2f65', '7F454C46'))}"
        operator = random.choice(NUMBER_OPERATORS if numeric else TEXT_OPERATORS)
        if kind in (ValueType.BOOL, ValueType.IPADDR, ValueType.IPNET) and random.random() < 0.8:
            operator = random.choice(("=", "!=", "exists", "in"))
        if operator == "exists":
            return f"{left} exists"
        if operator in ("in", "intersects", "pmatch"):
            values = ", ".join(self._value(kind, operator, random) for _ in range(random.randint(0, 4)))
            return f"{left} {operator} ({values})"
        if random.random() < 0.06:
            other = random.choice(self.fields)
            return f"{left} {operator} val({other.name}{self._argument(other, random)})"
        if random.random() < 0.08 and not numeric:
            values = ", ".join(self._value(kind, operator, random) for _ in range(random.randint(1, 3)))
            return f"{left} {operator} {random.choice(('oneof', 'anyof', 'allof'))} ({values})"
        return f"{left} {operator} {self._value(kind, operator, random)}"

    def _argument(self, field: Field, random: Random) -> str:
        if field.argument is Argument.NONE or (field.argument is Argument.OPTIONAL and random.random() < 0.5):
            return ""
        if field.key and (not field.index or random.random() < 0.5):
            name = random.choice(NAMES)
            return f".{name}" if field.name in ("evt.arg", "evt.rawarg") else f"[{name}]"
        return f"[{random.choice((0, 1, 2, 3, 5, 40))}]"

    def _value(self, kind: ValueType, operator: str, random: Random) -> str:
        if random.random() < 0.03:
            return random.choice((*NUMBERS, *self.texts))
        if kind in NUMERIC:
            return random.choice(NUMBERS)
        if kind is ValueType.BOOL:
            return random.choice(("true", "false"))
        if kind is ValueType.IPADDR:
            return random.choice(ADDRESSES)
        if kind is ValueType.IPNET:
            return random.choice(NETWORKS)
        if operator == "regex":
            return random.choice(PATTERNS)
        return random.choice(self.texts)
