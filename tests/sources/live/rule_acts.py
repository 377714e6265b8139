"""Acts that upstream's rules and the shipped ones are about, each a few lines of bash in namespaces of its own.

``as NAME …`` runs a harmless program of that name, ``under NAME …`` runs bash code in a shell of that name, ``tty …``
runs a command on a terminal of its own, ``python …`` is this Python. ``/etc``, ``/root/.ssh``, ``/var/log``,
``/var/lib``, ``/usr/sbin`` and ``/dev/shm`` are copies that vanish; ``$T`` is an empty folder. Every act sits in the
cgroup of a made-up container (``BOX``) or of none (``HOST``).

Left out: what takes the metadata of a container runtime (privileged, mounts, image, pod: ``Launch … Container``,
``Debugfs`` and ``Mount Launched in Privileged Container``, ``Network Connection outside Local Subnet``), names from DNS
(``Contact K8S API Server From Container``), folders a host need not have (``Container Access to Host Sensitive Paths``)
and a server that has run for long (``Read sensitive file trusted after startup``).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import quote

CONTAINER = "5e1f" * 16

_PRELUDE = r"""
set +e
PYTHON=$1; export T=$2/t; KEPT=$2/etc; HOST=$3
mkdir -p $T $KEPT; mount -t tmpfs none $T
cp -a /etc/passwd /etc/group /etc/shadow /etc/sudoers /etc/hostname /etc/ld.so.cache /etc/alternatives $KEPT 2>/dev/null
for folder in /etc /root/.ssh /var/log /var/lib /dev/shm /usr/sbin; do
  mkdir -p $folder; mount -t tmpfs none $folder
done
cp -a $KEPT/. /etc/
mkdir -p /etc/cron.d /etc/apt/sources.list.d /var/lib/rpm
ip link set lo up; ip addr add 203.0.113.5/32 dev lo; ip addr add 169.254.169.254/32 dev lo
cd $T
named() { cp "$1" "$T/$2"; }
as() { name=$1; shift; named /bin/true "$name"; "$T/$name" "$@"; }
under() { name=$1; shift; named /bin/bash "$name"; "$T/$name" -c "$1
:"; }
python() { "$PYTHON" -I -c "$@"; }
tty() { python 'import pty, sys; pty.spawn(sys.argv[1:])' "$@"; }
"""

_CONNECT = """
import socket, sys, os
kind, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
if kind == 'tcp':
    server = socket.create_server((address, port))
    s = socket.create_connection((address, port))
else:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect((address, port)); s.send(b'x')
for fd in map(int, sys.argv[4:]): os.dup2(s.fileno(), fd)
"""

_PTRACE = """
import ctypes, os, time, signal
pid = os.fork()
if not pid: time.sleep(5)
libc = ctypes.CDLL(None); libc.ptrace(16, pid, 0, 0); os.waitpid(pid, 0)
os.kill(pid, signal.SIGKILL); libc.ptrace(0, 0, 0, 0)
"""

_MEMFD = """
import os
fd = os.memfd_create('x', 0); os.write(fd, open('/bin/true', 'rb').read()); os.execve(fd, ['x'], {})
"""

_REACHED = """
import os, socket
server = socket.socket(socket.AF_UNIX); server.bind(os.environ['T'] + '/docker.sock'); server.listen()
socket.socket(socket.AF_UNIX).connect(os.environ['T'] + '/docker.sock')
"""

_CALL = "import ctypes, sys; ctypes.CDLL(None).syscall(*map(int, sys.argv[1:]))"

HOST: dict[str, str] = {
    "Read sensitive file untrusted": "cat /etc/shadow",
    "Directory traversal monitored file read": "under worker 'head -1 /etc/../etc/../etc/shadow'",
    "Run shell untrusted": "under httpd 'bash -c true'",
    "System user interactive": "named /bin/true login; setpriv --reuid=1 --clear-groups $T/login",
    "Search Private Keys or Passwords": "as find / -name id_rsa",
    "Clear Log Activities": "echo x > /var/log/syslog; cp /etc/hostname /var/log/syslog",
    "Remove Bulk Data from Disk": "as shred -u x",
    "Create Symlink Over Sensitive Files": "ln -s /etc/shadow $T/x",
    "Create Hardlink Over Sensitive Files": "ln /etc/shadow /etc/x",
    "PTRACE attached to process": f"python {quote(_PTRACE)}",
    "PTRACE anti-debug attempt": f"python {quote(_PTRACE)}",
    "Find AWS Credentials": "as find / -name .aws/credentials",
    "Execution from /dev/shm": "cp /bin/true /dev/shm/x; /dev/shm/x",
    "Disallowed SSH Connection Non Standard Port": (
        f"mkdir $T/lib; cp $(readlink -f $PYTHON) $T/ssh; "
        f"PYTHONHOME=$(python 'import sys; print(sys.base_prefix)') $T/ssh -c {quote(_CONNECT)} tcp 203.0.113.5 443"
    ),
    "Fileless execution via memfd_create": f"python {quote(_MEMFD)}",
    "Modify Shell Configuration File": "cp /etc/hostname $T/.bashrc",
    "Schedule Cron Jobs": "cp /etc/hostname /etc/cron.d/x",
    "Read ssh information": "echo > /root/.ssh/id; head /root/.ssh/id",
    "DB program spawned process": "under mysqld 'ls'",
    "Change thread namespace": f"python {quote(_CALL)} 308 99 0",
    "System procs network activity": (
        "python 'import socket, time; s = socket.create_server((\"203.0.113.5\", 4444)); s.accept()' & sleep 0.5; "
        "bash -c 'echo > /dev/tcp/203.0.113.5/4444'; wait"
    ),
    "Program run with disallowed http proxy env": "HTTP_PROXY=http://x as curl http://y",
    "Unexpected UDP Traffic": f"python {quote(_CONNECT)} udp 203.0.113.5 9999",
    "Non sudo setuid": "python 'import os; os.setresuid(2, 2, 0); os.setuid(3)'",
    "User mgmt binaries": "as useradd x",
    "Launch Suspicious Network Tool on Host": "as nmap x",
    "Delete or rename shell history": "touch $T/.bash_history; rm $T/.bash_history",
    "Set Setuid or Setgid bit": "touch $T/x; chmod u+s $T/x",
    "Adding ssh keys to authorized_keys": "cp /etc/hostname /root/.ssh/authorized_keys",
    "Potential Local Privilege Escalation via Environment Variables Misuse": "GLIBC_TUNABLES=a=b as x",
    "Backdoored library loaded into SSHD (CVE-2024-3094)": (
        "echo > $T/liblzma.so.5.6.0; named /usr/bin/head sshd; $T/sshd $T/liblzma.so.5.6.0"
    ),
    "BPF Program Not Profiled": f"python {quote(_CALL)} 321 5 0 0",
    "Update Package Repository": "cp /etc/hostname /etc/apt/sources.list.d/x.list",
    "Write below binary dir": "cp /etc/hostname /usr/sbin/x",
    "Write below monitored dir": "cp /etc/hostname /root/.ssh/x",
    "Write below etc": "cp /etc/hostname /etc/x",
    "Write below root": "mount -t tmpfs none /root; cp /etc/hostname /root/x",
    "Write below rpm database": "cp /etc/hostname /var/lib/rpm/x",
    "Modify binary dirs": "touch /usr/sbin/x; mv /usr/sbin/x /usr/sbin/y",
    "Mkdir binary dirs": "mkdir /usr/sbin/d",
    "Detect crypto miners using the Stratum protocol": "as x stratum+tcp://pool",
    "Sudo Potential Privilege Escalation": "as sudoedit -s 'x\\'",
    "Unprivileged Delegation of Page Faults Handling to a Userspace Process": (
        f"python 'import ctypes, os; os.setresuid(65534, 65534, 65534); {_CALL}' 323 1"
    ),
    "Polkit Local Privilege Escalation Vulnerability (CVE-2021-4034)": "as pkexec",
    "Basic Interactive Reconnaissance": "named /bin/sleep whoami; tty $T/whoami 0.3",
    "Netcat/Socat Remote Code Execution on Host": "as nc -e /bin/sh",
    "Known Cryptominer Process Executed": "as xmrig",
    "Web Server Spawned Shell": "under nginx 'bash -c true'",
    "Web Server Spawned Suspicious Child Process": "under nginx whoami",
    "Reverse Shell from Web Server": "under nginx \"bash -c 'true bash -i'\"",
    "Create files below dev": "mount -t tmpfs none /dev; cp /etc/hostname /dev/x",
    "Sensitive file read": "cat /etc/shadow",
    "Setuid or setgid escalation": "touch $T/x; chmod u+s $T/x",
    "Shell started by a server": "under mysqld 'sh -c true'",
    "Program executed from shared memory": "cp /bin/true /dev/shm/x; /dev/shm/x",
    "Program executed from memory": f"python {quote(_MEMFD)}",
    "Decoded text executed": "bash -c 'echo eA== | base64 -d | cat; :'",
    "Standard stream connected to the network": f"python {quote(_CONNECT)} tcp 203.0.113.5 4445 0",
    "Download into a temporary folder": "named /bin/cp wget; $T/wget /etc/hostname /var/tmp/x.$$; rm /var/tmp/x.$$",
    "Scanner or tunnel started": "as chisel x",
    "Coin miner started": "as x stratum+tcp://pool",
    "Cloud credentials read": "mkdir .aws; echo > .aws/credentials; head .aws/credentials",
    "Search for keys or passwords": "as grep -r password= x",
    "Memory of another process read": "sleep 3 & head -c1 /proc/$!/mem",
    "Scheduled task or service changed": "echo > /etc/cron.d/x",
    "Shell start file changed": "echo > .bashrc",
    "Keys for remote login changed": "echo > /root/.ssh/authorized_keys",
    "Accounts changed": "echo >> /etc/passwd",
    "Library preloaded into every program": "echo -n > /etc/ld.so.preload",
    "System programs changed": "echo > /usr/sbin/x",
    "Web page with code written by a server": "under nginx 'echo > x.php'",
    "Kernel module loaded": f"python {quote(_CALL)} 175 0 0 0",
    "Logs removed": "echo > /var/log/x; rm /var/log/x",
    "Shell history removed": "touch .bash_history; rm .bash_history",
    "Files wiped": "as shred x",
}
"""Rules and the act that triggers each, outside of containers."""

BOX: dict[str, str] = {
    "Terminal shell in container": "named /bin/bash 'runc:[1:CHILD]'; tty \"$T/runc:[1:CHILD]\" -c 'bash -c true; :'",
    "Netcat Remote Code Execution in Container": "as nc -e /bin/sh",
    "Packet socket created in container": "python 'import socket; socket.socket(17, 3, 0)'",
    "Redirect STDOUT/STDIN to Network Connection in Container": f"python {quote(_CONNECT)} tcp 203.0.113.5 4444 0 1",
    "Linux Kernel Module Injection Detected": f"python {quote(_CALL)} 175 0 0 0",
    "Detect release_agent File Container Escapes": "echo x > $T/release_agent",
    "Drop and execute new binary in container": (
        "mkdir l u w m; mount -t overlay none -o lowerdir=l,upperdir=u,workdir=w m; cp /bin/true m/x; m/x"
    ),
    "Change namespace privileges via unshare": "setpriv --reuid=65534 --clear-groups unshare -u true",
    "Contact EC2 Instance Metadata Service From Container": f"python {quote(_CONNECT)} tcp 169.254.169.254 80",
    "Contact cloud metadata service from container": f"python {quote(_CONNECT)} tcp 169.254.169.254 80",
    "Launch Package Management Process in Container": "as apt-get update",
    "Launch Suspicious Network Tool in Container": "as nmap x",
    "Launch Remote File Copy Tools in Container": "as scp x y",
    "Launch Ingress Remote File Copy Tools in Container": "as wget http://x",
    "Read environment variable from /proc files": "head -c1 /proc/self/environ",
    "Exfiltrating Artifacts via Kubernetes Control Plane": (
        'echo > x; setsid -w "$PYTHON" -c \'import os; os.execv("/bin/true", ["true"])\' </dev/null; '
        "under 'runc:[1:CHILD]' 'tar cf y x'"
    ),
    "Kubernetes Client Tool Launched in Container": "as kubectl get pods",
    "Decoding Payload in Container": "as base64 -d x",
    "Network Tool Executed During NPM Package Install": 'under npm "cp /bin/true $T/nmap; $T/nmap x"',
    "Privileged Container Device Access": "mount -t tmpfs none /dev; echo > /dev/sdz; head /dev/sdz",
    "Shell in container": "tty bash -c true",
    "Outbound connection from container": f"python {quote(_CONNECT)} tcp 203.0.113.5 8080",
    "Container escape by mount or ptrace": "mkdir m; mount -t tmpfs none m",
    "New program executed in container": (
        "mkdir l u w m; mount -t overlay none -o lowerdir=l,upperdir=u,workdir=w m; cp /bin/true m/x; m/x"
    ),
    "Script from a temporary folder": "mount -t tmpfs none /tmp; echo > /tmp/x; bash /tmp/x",
    "Package installed in container": "as apt-get install x",
    "Metadata service contacted from container": f"python {quote(_CONNECT)} tcp 169.254.169.254 80",
    "Kubernetes client in container": "as kubectl get pods",
    "Handle of the kernel written in container": "echo x > $T/release_agent",
    "Device of the host opened in container": "mount -t tmpfs none /dev; echo > /dev/sdz",
    "Container runtime reached from container": f"python {quote(_REACHED)}",
    "Namespace entered in container": "unshare -U true",
}
"""The same inside of one."""


@contextmanager
def cgroups() -> Iterator[tuple[list[Path], list[Path]]]:
    """Make cgroups of a container and of none; yield the files to write a process id into, for each."""
    root = Path("/sys/fs/cgroup")
    tops = [root] if (root / "cgroup.controllers").exists() else [root / name for name in ("cpu", "memory")]
    boxes = [top / "docker" / CONTAINER for top in tops]
    for box in boxes:
        box.mkdir(parents=True, exist_ok=True)
    try:
        yield [box / "cgroup.procs" for box in boxes], [top / "cgroup.procs" for top in tops]
    finally:
        for box in boxes:
            with suppress(OSError):
                box.rmdir()
                box.parent.rmdir()


def act(script: str, groups: list[Path], folder: Path) -> None:
    """Run one act to its end; what it prints does not matter."""

    def enter() -> None:
        for group in groups:
            group.write_text(str(os.getpid()))

    folder.mkdir()
    command = ["unshare", "-mn", "bash", "-c", _PRELUDE + script, "bash", sys.executable, str(folder), ""]
    quiet = subprocess.DEVNULL
    subprocess.run(command, stdin=quiet, stdout=quiet, stderr=quiet, preexec_fn=enter, timeout=20)
