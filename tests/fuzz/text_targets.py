"""Mutated conditions and rules files through the language."""

from __future__ import annotations

import json
from random import Random

from tests.fuzz import mutate_text
from tests.fuzz.grammar import Grammar
from tests.reference import SHARED

CONDITIONS = (
    "evt.type in (open, openat, openat2) and evt.is_open_read=true and fd.name startswith /etc",
    "(proc.name = sh or proc.name = bash) and not proc.pname in (sshd, login) and proc.args contains '-c'",
    "fd.sip in (10.0.0.0/8, 192.168.1.1) or fd.snet != 127.0.0.0/8 and fd.sport >= 1024",
    "tolower(proc.name) glob *sh and toupper(fd.filename) = val(proc.exepath) and len(proc.args) > 3",
    "proc.aname[2] exists and container.id != host and evt.arg.flags contains O_CREAT",
    'proc.cmdline regex "^.*(nc|ncat) -e.*$" or fd.name pmatch (/etc, /usr/*) or evt.rawres < 0',
    'proc.name oneof (a, b) and fd.types intersects (ipv4, ipv6) and evt.arg[1] = "a \\"b\\""',
)

RULES = """\
- required_engine_version: 0.40.0
- list: shells
  items: [sh, bash, "zsh"]
- macro: spawned
  condition: (evt.type in (execve, execveat))
- rule: Shell in container
  desc: A shell was started
  condition: spawned and container.id != host and proc.name in (shells)
  output: Shell (user=%user.name cmd=%proc.cmdline parent=%proc.pname %container.info %evt.arg[1] %toupper(proc.name))
  priority: WARNING
  tags: [container, shell]
  exceptions:
    - name: known
      fields: [proc.name, container.image.repository]
      comps: [=, in]
      values:
        - [bash, [a, b]]
- rule: Shell in container
  append: true
  condition: and not proc.pname = cron
- rule: Shell in container
  override:
    priority: replace
    tags: append
  priority: ERROR
  tags: [more]
---
- list: shells
  append: true
  items: [dash]
"""


class ConditionTarget:
    """Input ``number`` is a mutated condition."""

    name = "condition"

    def __init__(self, base: int = 0) -> None:
        from tiercel.rules.condition import ConditionError, compile_condition

        self.base = base
        self.refusal = ConditionError
        self.compile = compile_condition
        self.grammar = Grammar()
        self.seeds = [mutate_text.tokens(text) for text in (*CONDITIONS, *recorded_conditions())]

    def input(self, number: int) -> str:
        random = Random(self.base << 40 | number)
        if random.random() < 0.5:
            text = self.grammar.condition(random, random.randrange(5))
            return text if random.random() < 0.4 else mutate_text.mutate(mutate_text.tokens(text), random, [], 8192)
        return mutate_text.mutate(random.choice(self.seeds), random, random.choice(self.seeds), 8192)

    def run(self, number: int, text: str) -> None:
        """Compile the condition; anything but a typed tree or a located refusal is a fault."""
        try:
            node = self.compile(text, strict=bool(number & 1))
        except self.refusal:
            return
        from tiercel.rules.event_types import event_types

        event_types(node)


class RulesTarget:
    """Input ``number`` is a mutated rules file."""

    name = "rules"

    def __init__(self, base: int = 0) -> None:
        from tiercel.rules.load import load
        from tiercel.rules.yaml_source import Source

        self.source = Source
        self.base = base
        self.load = load
        self.seeds = [mutate_text.tokens(text) for text in (RULES, *recorded_rules())]

    def input(self, number: int) -> bytes:
        random = Random(self.base << 40 | number)
        text = mutate_text.mutate(random.choice(self.seeds), random, random.choice(self.seeds), 32768)
        data = text.encode("utf-8", "surrogatepass")
        if random.random() < 0.05 and data:
            at = random.randrange(len(data))
            data = data[:at] + random.randbytes(random.randint(1, 4)) + data[at:]
        return data

    def run(self, number: int, data: bytes) -> None:
        """Load the file and render the verdict; errors must stand in the result."""
        result = self.load([self.source("fuzz.yaml", data)], strict=bool(number & 1))
        for verdict in result.verdicts:
            json.dumps(verdict.as_json())
            verdict.as_falco_text()
            assert verdict.successful or verdict.as_json()["errors"], "refused without an error"


def recorded_conditions() -> list[str]:
    """Return conditions of the reference rules, each as it stands on one line."""
    found = []
    for path in sorted((SHARED / "language").rglob("*.yaml"))[:40] if SHARED.is_dir() else []:
        for line in path.read_text(errors="replace").splitlines():
            key, _, value = line.strip().partition(": ")
            if key == "condition" and value not in (">", "|", ""):
                found.append(value)
    return found


def recorded_rules() -> list[str]:
    """Return small reference rules files."""
    if not SHARED.is_dir():
        return []
    paths = sorted((SHARED / "language").rglob("*.yaml")) + sorted((SHARED / "golden" / "rules").rglob("*.yaml"))
    return [path.read_text(errors="replace") for path in paths if path.stat().st_size < 4096]
