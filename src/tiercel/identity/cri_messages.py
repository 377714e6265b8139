"""The messages of the Container Runtime Interface that are used, as layouts of fields.

References: ``runtime/v1/api.proto`` of kubernetes/cri-api; ``v1alpha2`` has the same numbers.
"""

from __future__ import annotations

from tiercel.wire.protobuf import Layout

_IMAGE: Layout = {1: ("image", "text"), 18: ("user_specified_image", "text")}
_LINUX: Layout = {
    1: ("cpu_period", "number"),
    2: ("cpu_quota", "number"),
    3: ("cpu_shares", "number"),
    4: ("memory_limit", "number"),
    6: ("cpuset_cpus", "text"),
    10: ("swap_limit", "number"),
}
_MOUNT: Layout = {
    1: ("container_path", "text"),
    2: ("host_path", "text"),
    3: ("readonly", "number"),
    5: ("propagation", "number"),
}
_CONTAINER: Layout = {
    1: ("id", "text"),
    2: ("metadata", {1: ("name", "text")}),
    4: ("created_at", "number"),
    8: ("image", _IMAGE),
    9: ("image_ref", "text"),
    12: ("labels", "map"),
    14: ("mounts", (_MOUNT,)),
    16: ("resources", {1: ("linux", _LINUX)}),
    17: ("image_id", "text"),
    18: ("user", {1: ("linux", {1: ("uid", "number")})}),
}
_POD: Layout = {
    1: ("id", "text"),
    2: ("metadata", {1: ("name", "text"), 2: ("uid", "text"), 3: ("namespace", "text")}),
    4: ("created_at", "number"),
    5: ("network", {1: ("ip", "text")}),
    6: (
        "linux",
        {1: ("namespaces", {2: ("options", {1: ("network", "number"), 2: ("pid", "number"), 3: ("ipc", "number")})})},
    ),
    7: ("labels", "map"),
}

VERSION: Layout = {2: ("runtime_name", "text")}
CONTAINER_STATUS: Layout = {1: ("status", _CONTAINER), 2: ("info", "map")}
POD_STATUS: Layout = {1: ("status", _POD), 2: ("info", "map")}
LIST: Layout = {1: ("containers", ({1: ("id", "text"), 2: ("pod_sandbox_id", "text")},))}
"""Answers of ``Version``, ``ContainerStatus``, ``PodSandboxStatus`` and ``ListContainers``."""

NODE = 2
"""``NamespaceMode``: that of the host."""

PROPAGATIONS = {0: "private", 1: "rslave", 2: "rshared"}
"""``MountPropagation`` as Falco calls it."""
