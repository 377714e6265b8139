"""The containerd of the tests itself: pods as a kubelet makes them."""

from __future__ import annotations

from pathlib import Path

from tests.containerd.host import Containerd, Pod, with_containerd
from tests.containerd.image import WEB


@with_containerd
def test_pods_serve_http_to_each_other(host: Containerd, pod: Pod) -> None:
    pod.run("web", WEB).listening()
    visitor = host.pod("visitor").run("web", WEB)
    assert visitor.exec("curl", "-s", f"http://{pod.address}/").text == "<h1>shop</h1>\n"
    visitor.pod.remove()


@with_containerd
def test_a_terminal_is_a_terminal_and_an_exec_is_none(pod: Pod) -> None:
    web = pod.run("web", WEB)
    with web.terminal("bash") as shell:
        assert shell.ask("id -un") == "root\n"
        assert shell.ask("test -t 0 && echo yes") == "yes\n"
    assert web.exec("sh", "-c", "test -t 0 || echo no").text == "no\n"
    assert web.exec("hostname").text == "shop-7d9f\n"


@with_containerd
def test_containers_stand_in_the_cgroup_of_their_pod(pod: Pod) -> None:
    web = pod.run("web", WEB, ["sleep", "600"], user=4242)
    listed = Path(f"/proc/{web.pid}/cgroup").read_text()
    assert f"/kubepods/besteffort/pod{pod.uid}/{web.id}" in listed
    assert web.exec("whoami").text == "shop\n"


@with_containerd
def test_nothing_is_left_of_a_host() -> None:
    with Containerd.start() as host:
        host.pod("left").run("web", WEB)
        home = host.home
    assert not home.exists()
    assert str(home) not in Path("/proc/self/mountinfo").read_text()
    assert not Path(f"/sys/class/net/{host.bridge}").exists()
    assert not list(Path("/sys/fs/cgroup").glob(f"*/{host.bridge}"))
