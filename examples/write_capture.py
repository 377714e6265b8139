"""Write a made-up capture, for trying a rule: python examples/write_capture.py story.scap"""

from __future__ import annotations

import sys

from tiercel.capture.scenario import Scenario


def main(path: str) -> None:
    story = Scenario("web-1")
    web = story.container("web", image="nginx:1.25")
    nginx = story.process("/usr/sbin/nginx", container=web)
    shell = nginx.spawn("/bin/sh", "-c", "cat /etc/shadow")
    shadow = shell.open("/etc/shadow")
    shell.read(shadow, b"root:*:")
    shell.close(shadow)
    shell.exit()
    story.write(path)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "story.scap")
