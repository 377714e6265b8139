"""What is known of the host, as tables: users, groups and containers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from tiercel.errors import InputError
from tiercel.model.world import Container, Group, Interface, Machine, User, World
from tiercel.store.manifest import ContainerName
from tiercel.store.schema import CONTAINERS, USERS

POD_LABEL = "io.kubernetes.pod.name"
NAMESPACE_LABEL = "io.kubernetes.pod.namespace"


def readable(text: bytes) -> str:
    """Return bytes as text; what is not UTF-8 is replaced."""
    return text.decode("utf-8", "replace")


def clean(text: object) -> str | None:
    """Return a text that can be stored, None for anything else."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else None


def users_table(world: World) -> pa.Table:
    """Return the users and groups of a world."""
    rows: list[dict[str, Any]] = []
    for (container, uid), user in world.users.items():
        rows.append(_person("user", container, uid, user.name, user.home, user.shell, user.gid))
    for (container, gid), group in world.groups.items():
        rows.append(_person("group", container, gid, group.name, None, None, None))
    return pa.Table.from_pylist(rows, USERS.arrow)


def _person(
    kind: str, container: bytes, id: int, name: bytes, home: bytes | None, shell: bytes | None, gid: int | None
) -> dict[str, Any]:
    exact = [container, name, home or b"", shell or b""]
    texts = [readable(text) for text in exact]
    same = all(text.encode() == raw for text, raw in zip(texts, exact, strict=True))
    return {
        "kind": kind,
        "container": texts[0],
        "id": id,
        "name": texts[1],
        "home": None if home is None else texts[2],
        "shell": None if shell is None else texts[3],
        "gid": gid,
        "bytes": None if same else exact,
    }


def containers_table(world: World, since: int) -> pa.Table:
    """Return what was known of containers at event ``since``, and what was told later."""
    rows = []
    for version in told_from(world, since):
        name = named(version)
        rows.append(
            {
                "container": name.id,
                "since": version.since,
                "name": name.name,
                "image": name.image,
                "pod": name.pod,
                "namespace": name.namespace,
                "info": json.dumps(version.info, separators=(",", ":")),
            }
        )
    return pa.Table.from_pylist(rows, CONTAINERS.arrow)


def told_from(world: World, since: int) -> Iterator[Container]:
    """Yield what was known of containers at event ``since``, and what was told later."""
    for versions in world.containers.values():
        for version, following in zip(versions, [*versions[1:], None], strict=True):
            if following is None or following.since > since:
                yield version


def named(container: Container) -> ContainerName:
    """Return the names of a container, empty where it has none."""
    info = container.info
    labels = info.get("labels")
    labels = labels if isinstance(labels, dict) else {}
    return ContainerName(
        readable(container.id),
        clean(info.get("name")) or "",
        clean(info.get("image")) or "",
        clean(labels.get(POD_LABEL)) or "",
        clean(labels.get(NAMESPACE_LABEL)) or "",
    )


def world_of(machine: Machine, interfaces: tuple[Interface, ...], users: pa.Table, containers: pa.Table) -> World:
    """Return the world that tables tell of.

    Raises:
        InputError: they hold what cannot be.
    """
    world = World(machine, interfaces=list(interfaces))
    for row in users.to_pylist():
        exact = row["bytes"]
        if exact is None:
            exact = [(row[key] or "").encode() for key in ("container", "name", "home", "shell")]
        if len(exact) != 4:
            raise InputError("the table of users is damaged")
        container, name, home, shell = exact
        if row["kind"] == "user":
            world.users[container, row["id"]] = User(row["id"], row["gid"] or 0, name, home, shell)
        else:
            world.groups[container, row["id"]] = Group(row["id"], name)
    for row in containers.to_pylist():
        try:
            info = json.loads(row["info"])
        except (ValueError, RecursionError) as error:
            raise InputError(f"the table of containers is damaged: {error}") from None
        if not isinstance(info, dict):
            raise InputError("the table of containers is damaged: metadata is no JSON object")
        id = row["container"].encode()
        world.containers.setdefault(id, []).append(Container(id, row["since"], info))
    return world
