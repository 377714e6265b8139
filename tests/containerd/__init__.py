"""A real containerd for tests: pods with names and namespaces, made over the CRI socket as a kubelet makes them.

Needs root and Debian's ``containerd``, ``runc`` and ``containernetworking-plugins``; ``host.why_not()`` says what is
missing, ``host.with_containerd`` marks tests that need it. Everything lies in a folder of its own, so several hosts may
run at once and next to the machine's own containerd::

    from tests.containerd.host import Containerd
    from tests.containerd.image import WEB

    with Containerd.start() as host:                   # host.socket: the path of the CRI socket
        pod = host.pod("shop-7d9f", namespace="store", labels={"app": "shop"})
        web = pod.run("web", WEB).listening()          # serves HTTP on port 80 at pod.address
        print(pod.id, pod.uid, web.id, web.pid)        # ids of 64 hexadecimal digits, the pid as the host sees it
        print(web.exec("cat", "/etc/hostname").text)   # as a probe does: no terminal
        with web.terminal("bash") as shell:            # as ``kubectl exec -it`` does: a terminal, over WebSocket
            print(shell.ask("id -un"))
        web.remove()                                   # the rest goes with the host

Pods are on a bridge of their own that is connected to nothing else: they reach each other, not the host.
"""
