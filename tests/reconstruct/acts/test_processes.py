"""Acts of processes: what they ran, who they became, what they did to each other and to the kernel."""

from __future__ import annotations

from tests.reconstruct.stories import Scenario, acts, scene_of


def test_a_program_is_started_in_two_steps() -> None:
    story = Scenario()
    shell = story.process("/bin/sh")
    child = shell.spawn("/usr/bin/id", "-u")
    child.exit(1)
    assert acts(story, "kind", "pid", "object", "detail") == [
        ("fork", shell.tid, f"pid {child.tid}", None),
        ("exec", child.tid, "/usr/bin/id", "id -u"),
        ("exit", child.tid, None, "exit code 1"),
    ]


def test_how_processes_end() -> None:
    story = Scenario()
    shell = story.process("/bin/sh")
    shell.fork().exit()
    shell.fork().exit(signal=11)
    assert acts(story, "detail", kind="exit") == ["exit code 0", "killed by SIGSEGV"]


def test_a_script_is_told_beside_its_interpreter() -> None:
    story = Scenario()
    script = story.process("/bin/sh").fork()
    script.become("/usr/bin/python3", ["/usr/bin/python3", "/opt/job.py"], comm="job.py")
    script.exec("/usr/bin/python3", "/opt/job.py")
    assert acts(story, "object", kind="exec") == ["/usr/bin/python3"]


def test_credentials_say_old_and_new() -> None:
    story = Scenario()
    daemon = story.process("/usr/sbin/daemon")
    daemon.setgid(33)
    daemon.setuid(33)
    daemon.setuid(33)
    daemon.setuid(0, fail="EPERM")
    assert acts(story, "kind", "object", "detail", "ok") == [
        ("credential", "gid=33", "setgid: gid 0 -> 33", True),
        ("credential", "uid=33", "setuid: uid 0 -> 33", True),
        ("credential", "uid=33", "setuid: uid 33 (unchanged)", True),
        ("credential", "uid=0", "setuid: uid 33 -> 0, EPERM", False),
    ]


def test_a_set_user_id_program_changes_who_runs_it() -> None:
    story = Scenario()
    story.user("alice", 1000)
    shell = story.process("/bin/sh", uid=1000)
    shell.uid = 0
    shell.exec("/usr/bin/sudo")
    ran, raised = scene_of(story).acts.to_pylist()
    assert (ran["kind"], ran["user"]) == ("exec", "root")
    assert (raised["kind"], raised["detail"]) == ("credential", "set-user-ID program: uid 1000 -> 0")


def test_capabilities_say_what_went_and_came() -> None:
    story = Scenario()
    daemon = story.process("/usr/sbin/daemon")
    daemon.emit("SYSCALL_CAPSET_X", res=0, cap_inheritable=0, cap_permitted=0x401, cap_effective=0x400)
    daemon.emit("SYSCALL_CAPSET_X", res=0, cap_inheritable=0, cap_permitted=0x401, cap_effective=0x401)
    first, second = acts(story, "detail")
    assert first.startswith("capset: dropped CHOWN,DAC_OVERRIDE")
    assert "NET_BIND_SERVICE" not in first
    assert second == "capset: gained CHOWN"


def test_namespaces() -> None:
    story = Scenario()
    shell = story.process("/bin/sh")
    fd = shell.open("/proc/1/ns/mnt")
    shell.setns(fd, "CLONE_NEWNS")
    shell.unshare("CLONE_NEWUSER|CLONE_NEWNET")
    shell.unshare("CLONE_FS")
    shell.unshare("CLONE_NEWPID", fail="EPERM")
    assert acts(story, "object", "detail", "ok", kind="namespace") == [
        ("/proc/1/ns/mnt", "setns: CLONE_NEWNS", True),
        (None, "unshare: CLONE_NEWNET|CLONE_NEWUSER", True),
        (None, "unshare: CLONE_NEWPID", False),
    ]


def test_acts_on_other_processes_name_them() -> None:
    story = Scenario()
    victim = story.process("/usr/sbin/sshd")
    tracer = story.process("/tmp/tracer")
    tracer.ptrace(victim, "PTRACE_ATTACH")
    tracer.ptrace(victim, "PTRACE_POKETEXT")
    tracer.ptrace(victim, "PTRACE_POKETEXT")
    tracer.kill(victim, 9)
    tracer.kill(tracer, 15)
    tracer.kill(victim, 0)
    tracer.emit("SYSCALL_PROCESS_VM_WRITEV_X", res=8, pid=victim.tid, data=b"\x90" * 8)
    name = f"pid {victim.tid} (sshd)"
    assert acts(story, "kind", "object", "detail", "count") == [
        ("ptrace", name, "PTRACE_ATTACH", 1),
        ("ptrace", name, "PTRACE_POKETEXT", 2),
        ("kill", name, "SIGKILL", 1),
        ("ptrace", name, "process_vm_writev", 1),
    ]


def test_acts_on_the_kernel() -> None:
    story = Scenario()
    shell = story.process("/bin/sh")
    shell.init_module(b"\x7fELF", "hide=1")
    shell.emit("SYSCALL_DELETE_MODULE_X", res=0, name="lkm", flags=0)
    shell.emit("SYSCALL_BPF_2_X", fd=5, cmd="BPF_PROG_LOAD")
    shell.memfd_create("payload")
    shell.emit("SYSCALL_USERFAULTFD_X", res=7, flags=0)
    assert acts(story, "kind", "object", "detail") == [
        ("module", "image of 4 bytes", "init_module hide=1"),
        ("module", "lkm", "delete_module"),
        ("bpf", None, "BPF_PROG_LOAD"),
        ("memfd_create", "memfd:payload", None),
        ("userfaultfd", None, None),
    ]


def test_containers_and_pods_are_known() -> None:
    story = Scenario()
    web = story.container("web", image="nginx:1.25", pod=story.pod("web-1", "shop"))
    story.process("/usr/sbin/nginx", container=web).open("/tmp/x", "O_WRONLY|O_CREAT")
    scene = scene_of(story)
    (act,) = scene.acts.to_pylist()
    process = scene.processes.to_pylist()[act["process"]]
    assert act["container"] == process["container"] != ""
    assert (process["container_name"], process["image"]) == ("web", "nginx:1.25")
    assert (process["pod"], process["namespace"]) == ("web-1", "shop")


def test_a_process_nobody_knows_still_has_its_number() -> None:
    story = Scenario()
    story.emit(4242, "SYSCALL_UNLINK_2_X", res=0, path="/tmp/x")
    ((kind, pid),) = acts(story, "kind", "pid", kind="delete")
    assert (kind, pid) == ("delete", 4242)
