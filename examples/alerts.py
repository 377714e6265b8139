"""Print when, what and who for each alert: python examples/alerts.py CAPTURE [RULES...]"""

from __future__ import annotations

import sys
from pathlib import Path

from tiercel import scan


def main(capture: Path, *rules: Path) -> None:
    for alert in scan(capture, rules):
        print(alert.time, alert.priority, alert.rule, alert.output_fields.get("proc.cmdline"), sep="\t")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
