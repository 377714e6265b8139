"""What well-known programs are for, where that says what somebody was after."""

from __future__ import annotations

from tiercel.reconstruct.executed import arguments
from tiercel.reconstruct.incidents.phases import Phase

_USES = {
    Phase.DISCOVERY: """
        id whoami who w last lastlog groups hostname hostnamectl uname arch lscpu lsblk lspci lsusb dmidecode ps top
        pstree pgrep netstat ss ip ifconfig route arp nslookup dig host getent env printenv locale mount findmnt df
        free uptime lsof lsmod crontab nmap masscan arp-scan tcpdump find locate ls stat file which whereis kubectl
        crictl docker capsh getcap sestatus systemctl service ping traceroute tracepath""",
    Phase.CONTROL: """
        curl wget fetch aria2c lftp ftp tftp rsync axel lwp-download nc ncat netcat socat telnet chisel frpc ngrok
        cloudflared proxychains proxychains4""",
    Phase.LATERAL: "ssh sshpass scp sftp psexec.py wmiexec.py smbclient evil-winrm xfreerdp rdesktop",
    Phase.PERSISTENCE: "useradd adduser usermod groupadd passwd chpasswd visudo newusers at batch",
    Phase.ESCALATION: "sudo su doas pkexec nsenter unshare",
    Phase.EVASION: "shred wipe srm chattr setenforce iptables nft ufw auditctl touch kill pkill killall",
    Phase.CREDENTIALS: "john hashcat hydra medusa mimipenguin gdb strace ltrace",
    Phase.COLLECTION: "tar zip 7z gzip bzip2 xz zstd rar",
    Phase.IMPACT: "mkfs mkfs.ext4 dd cryptsetup xmrig minerd cpuminer stress shutdown reboot halt poweroff",
}
_PHASES = {name: phase for phase, names in _USES.items() for name in names.split()}
_SERVICES = frozenset({"systemctl", "service", "update-rc.d", "chkconfig"})


def purpose(name: str, cmdline: str | None) -> Phase:
    """Return the phase that running a program belongs to, execution when it says nothing of its own."""
    words = set(arguments(cmdline)[1:])
    if (name == "crontab" and words and "-l" not in words) or (name in _SERVICES and words & {"enable", "start"}):
        return Phase.PERSISTENCE
    return _PHASES.get(name, Phase.EXECUTION)
