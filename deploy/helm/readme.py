"""Writes the chart's README from values.yaml: every value, what it stands at, and the comment above it.

python deploy/helm/readme.py          write deploy/helm/tiercel/README.md
python deploy/helm/readme.py --check  exit 1 when it is not what values.yaml says
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parent / "tiercel"
HEAD = """\
<!-- Made by deploy/helm/readme.py; edit values.yaml instead. -->

# tiercel on every node of a Kubernetes cluster

```text
helm install tiercel deploy/helm/tiercel -n tiercel --create-namespace --set image.repository=REGISTRY/tiercel
```

[docs/deploy.md](../../../docs/deploy.md#kubernetes) tells how to make the image, what the pods may do and why.

| value | default | |
|---|---|---|
"""


def comments(text: str) -> dict[str, str]:
    """Return the comment above each key of a YAML text, by the path of the key."""
    found: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    above: list[str] = []
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith("#"):
            above.append(bare.lstrip("# "))
            continue
        key, colon, _ = bare.partition(":")
        if colon and not bare.startswith("-"):
            indent = len(line) - len(line.lstrip())
            path = [*((depth, name) for depth, name in path if depth < indent), (indent, key)]
            if above:
                found[".".join(name for _, name in path)] = " ".join(above)
        above = []
    return found


def values(tree: dict[str, Any], told: dict[str, str], path: str = "") -> Iterator[tuple[str, Any, str]]:
    """Yield each value with its path, default and comment; a table with a comment of its own is one value."""
    for key, value in tree.items():
        name = f"{path}{key}"
        if isinstance(value, dict) and value and name not in told:
            yield from values(value, told, f"{name}.")
        elif isinstance(value, dict) and any(other.startswith(f"{name}.") for other in told):
            yield name, None, told.get(name, "")
            yield from values(value, told, f"{name}.")
        else:
            yield name, value, told.get(name, "")


def readme() -> str:
    """Return the page."""
    text = (CHART / "values.yaml").read_text()
    rows = [
        f"| `{name}` | {'' if default is None else f'`{json.dumps(default, ensure_ascii=False)}`'} | {comment} |"
        for name, default, comment in values(yaml.safe_load(text), comments(text))
    ]
    return HEAD + "\n".join(rows).replace("\\|", "|") + "\n"


def main() -> int:
    page = CHART / "README.md"
    if "--check" in sys.argv[1:]:
        if page.read_text() == readme():
            return 0
        print(f"{page} is not what values.yaml says: python deploy/helm/readme.py", file=sys.stderr)
        return 1
    page.write_text(readme())
    return 0


if __name__ == "__main__":
    sys.exit(main())
