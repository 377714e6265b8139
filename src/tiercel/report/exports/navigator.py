"""A layer of the ATT&CK Navigator: the techniques that alerts and acts show.

References: layer file format 4.5 of the Navigator.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tiercel.reconstruct.scene import Scene
from tiercel.report.attack import techniques
from tiercel.report.attack_table import ATTACK_VERSION
from tiercel.report.exports.rows import rows, write_texts
from tiercel.report.model import Technique

LAYER, NAVIGATOR = "4.5", "5.1.0"
_COMMENT = 2000  # characters


def write_navigator(scene: Scene, path: Path, name: str = "tiercel") -> int:
    """Write a layer; returns how many techniques it has.

    Raises:
        InputError: the file cannot be written.
    """
    found = techniques(rows(scene.alerts), rows(scene.acts))
    write_texts(path, [json.dumps(layer(found, name), indent=2) + "\n"])
    return len(found)


def layer(found: list[Technique], name: str = "tiercel") -> dict[str, Any]:
    """Return the layer that shows techniques; the score is how often each was seen."""
    highest = max((technique.count for technique in found), default=1)
    return {
        "name": name,
        "versions": {"attack": ATTACK_VERSION, "navigator": NAVIGATOR, "layer": LAYER},
        "domain": "enterprise-attack",
        "description": "Techniques in the alerts and acts of a case. The score is how often each was seen.",
        "filters": {"platforms": ["Linux", "Containers"]},
        "sorting": 3,
        "hideDisabled": False,
        "techniques": [
            {
                "techniqueID": technique.id,
                "score": technique.count,
                "comment": "\n".join(technique.because)[:_COMMENT],
                "enabled": True,
                "showSubtechniques": True,
            }
            for technique in found
        ],
        "gradient": {"colors": ["#fff2cc", "#c0392b"], "minValue": 0, "maxValue": highest},
        "legendItems": [],
        "metadata": [],
        "showTacticRowBackground": False,
        "selectTechniquesAcrossTactics": True,
        "selectSubtechniquesWithParent": False,
    }
