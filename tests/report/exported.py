"""Scenes to export: a small intrusion, and one in which every text is hostile."""

from __future__ import annotations

import json

from tests.reconstruct.scenes import Stage, intrusion, web_container
from tiercel.reconstruct.scene import Scene

HOSTILE = (
    "<script>alert(1)</script>",
    "it's \\ a \"quoted\" 'name'",
    "line\nbreak\r\ttab\x0b\x0c\x1c\x85",
    "sep\u2028ara\u2029tor",
    "\u202egpj.exe",
    "\ufffd\ufffd bytes",
    "nul\x00inside",
    "emoji \U0001f600 é",
    "] OR [file:name = 'x",
    "${jndi:ldap://x}",
    "a" * 40_000,
)


def attack() -> Scene:
    """The intrusion of a web container, with an alert of a log that no process is known of, and a text alert."""
    stage = Stage()
    init, _ = web_container(stage)
    intrusion(stage, init)
    fields = json.dumps({"evt.time": 1, "proc.aname[2]": "bash", "k8s.pod.name": None, "list": [1, "a"]})
    stage.alert("Terminal shell", None, "Notice", "T1059", "mitre_execution", kind="log", output_fields=fields)
    stage.alert("", None, "Warning", kind="log", output="01:04:46.7: Warning x", process=None, host="", source="")
    return stage.scene()


def hostile() -> Scene:
    """One process, one act of several kinds and one alert for each hostile text."""
    stage = Stage("h<o>st")
    top = stage.process("init", pid=1)
    for text in HOSTILE:
        row = stage.run(
            text, top, cmdline=f"{text} {text}", exepath=f"/tmp/{text}", container=text, image=text, user=text
        )
        stage.processes[row].update(pod=text, namespace=text, container_name=text, cwd=f"/{text}")
        made = stage.act("create", row, f"/etc/cron.d/{text}")
        stage.act("rename", row, f"/tmp/{text}", target=f"/tmp/.{text}", detail=text)
        stage.act("symlink", row, text, target=text)
        stage.connect(row, "203.0.113.9", 4444)
        stage.connect(row, text, 99999)
        stage.alert(text, made, text, "T1053.003", text, output=text, output_fields=json.dumps({text: text}))
        stage.alert(text, made, "Error", output_fields="{broken")
    stage.acts[-1].update(kind="unheard of", object=None, ok=None, res=None, ts=-5, last_ts=None, count=None, uid=None)
    stage.processes[1].update(parent=1, uid=None, start=-7)  # a process that is its own parent
    return stage.scene()
