"""Tactics and techniques of MITRE ATT&CK (Enterprise) that concern Linux hosts, containers and Kubernetes."""

from __future__ import annotations

from dataclasses import dataclass

ATTACK_VERSION = "17"
"""Version of ATT&CK that the names and numbers are of."""


@dataclass(frozen=True, slots=True)
class Tactic:
    """``short`` is the name in STIX and Navigator layers, as in ``privilege-escalation``."""

    id: str
    short: str
    name: str

    @property
    def tag(self) -> str:
        """The tag of Falco rules that means it, as in ``mitre_privilege_escalation``."""
        return "mitre_" + self.short.replace("-", "_")


@dataclass(frozen=True, slots=True)
class Known:
    """A technique. ``tactics`` are those it can serve, the most usual first."""

    id: str
    name: str
    tactics: tuple[Tactic, ...]

    @property
    def parent(self) -> str | None:
        """The technique a sub-technique belongs to, None for a technique."""
        return self.id.partition(".")[0] if "." in self.id else None

    @property
    def url(self) -> str:
        return "https://attack.mitre.org/techniques/" + self.id.replace(".", "/")


TACTICS = (
    Tactic("TA0043", "reconnaissance", "Reconnaissance"),
    Tactic("TA0042", "resource-development", "Resource Development"),
    Tactic("TA0001", "initial-access", "Initial Access"),
    Tactic("TA0002", "execution", "Execution"),
    Tactic("TA0003", "persistence", "Persistence"),
    Tactic("TA0004", "privilege-escalation", "Privilege Escalation"),
    Tactic("TA0005", "defense-evasion", "Defense Evasion"),
    Tactic("TA0006", "credential-access", "Credential Access"),
    Tactic("TA0007", "discovery", "Discovery"),
    Tactic("TA0008", "lateral-movement", "Lateral Movement"),
    Tactic("TA0009", "collection", "Collection"),
    Tactic("TA0011", "command-and-control", "Command and Control"),
    Tactic("TA0010", "exfiltration", "Exfiltration"),
    Tactic("TA0040", "impact", "Impact"),
)
"""All tactics, in the order of the matrix."""

_BY_ID = {tactic.id: tactic for tactic in TACTICS}

# technique, tactics without "TA00", name; the name of a sub-technique follows that of its technique
_ROWS = """
T1003 06 OS Credential Dumping
T1003.007 06 Proc Filesystem
T1003.008 06 /etc/passwd and /etc/shadow
T1005 09 Data from Local System
T1014 05 Rootkit
T1016 07 System Network Configuration Discovery
T1018 07 Remote System Discovery
T1020 10 Automated Exfiltration
T1021 08 Remote Services
T1021.004 08 SSH
T1033 07 System Owner/User Discovery
T1036 05 Masquerading
T1036.005 05 Match Legitimate Resource Name or Location
T1037 03,04 Boot or Logon Initialization Scripts
T1037.004 03,04 RC Scripts
T1040 06,07 Network Sniffing
T1041 10 Exfiltration Over C2 Channel
T1046 07 Network Service Discovery
T1048 10 Exfiltration Over Alternative Protocol
T1049 07 System Network Connections Discovery
T1053 02,03,04 Scheduled Task/Job
T1053.002 02,03,04 At
T1053.003 03,02,04 Cron
T1053.006 03,02,04 Systemd Timers
T1053.007 02,03,04 Container Orchestration Job
T1055 05,04 Process Injection
T1055.008 05,04 Ptrace System Calls
T1055.009 05,04 Proc Memory
T1057 07 Process Discovery
T1059 02 Command and Scripting Interpreter
T1059.004 02 Unix Shell
T1059.006 02 Python
T1068 04 Exploitation for Privilege Escalation
T1070 05 Indicator Removal
T1070.002 05 Clear Linux or Mac System Logs
T1070.003 05 Clear Command History
T1070.004 05 File Deletion
T1070.006 05 Timestomp
T1071 11 Application Layer Protocol
T1071.001 11 Web Protocols
T1071.004 11 DNS
T1072 02,08 Software Deployment Tools
T1074 09 Data Staged
T1078 01,03,04,05 Valid Accounts
T1082 07 System Information Discovery
T1083 07 File and Directory Discovery
T1087 07 Account Discovery
T1087.001 07 Local Account
T1090 11 Proxy
T1095 11 Non-Application Layer Protocol
T1098 03,04 Account Manipulation
T1098.004 03,04 SSH Authorized Keys
T1105 11 Ingress Tool Transfer
T1110 06 Brute Force
T1132 11 Data Encoding
T1133 01,03 External Remote Services
T1136 03 Create Account
T1136.001 03 Local Account
T1140 05 Deobfuscate/Decode Files or Information
T1190 01 Exploit Public-Facing Application
T1195 01 Supply Chain Compromise
T1195.002 01 Compromise Software Supply Chain
T1203 02 Exploitation for Client Execution
T1204 02 User Execution
T1204.003 02 Malicious Image
T1205 05,03,11 Traffic Signaling
T1205.001 05,03,11 Port Knocking
T1222 05 File and Directory Permissions Modification
T1222.002 05 Linux and Mac File and Directory Permissions Modification
T1485 40 Data Destruction
T1486 40 Data Encrypted for Impact
T1489 40 Service Stop
T1496 40 Resource Hijacking
T1496.001 40 Compute Hijacking
T1505 03 Server Software Component
T1505.003 03 Web Shell
T1528 06 Steal Application Access Token
T1543 03,04 Create or Modify System Process
T1543.002 03,04 Systemd Service
T1543.005 03,04 Container Service
T1546 03,04 Event Triggered Execution
T1546.004 03,04 Unix Shell Configuration Modification
T1546.017 03,04 Udev Rules
T1547 03,04 Boot or Logon Autostart Execution
T1547.006 03,04 Kernel Modules and Extensions
T1548 04,05 Abuse Elevation Control Mechanism
T1548.001 04,05 Setuid and Setgid
T1548.003 04,05 Sudo and Sudo Caching
T1552 06 Unsecured Credentials
T1552.001 06 Credentials In Files
T1552.003 06 Bash History
T1552.004 06 Private Keys
T1552.005 06 Cloud Instance Metadata API
T1552.007 06 Container API
T1555 06 Credentials from Password Stores
T1556 06,05,03 Modify Authentication Process
T1556.003 06,05,03 Pluggable Authentication Modules
T1557 06,09 Adversary-in-the-Middle
T1557.002 06,09 ARP Cache Poisoning
T1560 09 Archive Collected Data
T1560.001 09 Archive via Utility
T1562 05 Impair Defenses
T1562.001 05 Disable or Modify Tools
T1562.004 05 Disable or Modify System Firewall
T1562.012 05 Disable or Modify Linux Audit System
T1564 05 Hide Artifacts
T1564.001 05 Hidden Files and Directories
T1565 40 Data Manipulation
T1570 08 Lateral Tool Transfer
T1571 11 Non-Standard Port
T1572 11 Protocol Tunneling
T1574 03,04,05 Hijack Execution Flow
T1574.006 03,04,05 Dynamic Linker Hijacking
T1609 02 Container Administration Command
T1610 05,02 Deploy Container
T1611 04 Escape to Host
T1612 05 Build Image on Host
T1613 07 Container and Resource Discovery
T1620 05 Reflective Code Loading
T1622 05,07 Debugger Evasion
"""


def _read(rows: str) -> dict[str, Known]:
    found: dict[str, Known] = {}
    for row in rows.split("\n"):
        if row:
            identity, tactics, name = row.split(" ", 2)
            above = found.get(identity.partition(".")[0]) if "." in identity else None
            whole = f"{above.name}: {name}" if above else name
            found[identity] = Known(identity, whole, tuple(_BY_ID[f"TA00{number}"] for number in tactics.split(",")))
    return found


TECHNIQUES = _read(_ROWS)
"""The techniques by id."""
