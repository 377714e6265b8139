"""Fields about users and groups."""

from __future__ import annotations

import pytest

from tests.fields.sample import Sample
from tiercel.model.world import Group, User


@pytest.fixture
def sample() -> Sample:
    sample = Sample()
    sample.world.users[b"", 1000] = User(1000, 1000, b"ada", b"/home/ada", b"/bin/zsh")
    sample.world.users[b"c1", 1000] = User(1000, 1000, b"app", b"/app", b"/bin/sh")
    sample.world.groups[b"", 5] = Group(5, b"tty")
    sample.process(1)
    sample.process(2, UID=1000, GID=5, LOGINUID=1000)
    sample.process(3, UID=1000, CONTAINER=b"c1", LOGINUID=0)
    sample.process(4, UID=0xFFFFFFFF, GID=7, LOGINUID=5)
    return sample


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("user.uid", [0, 1000, 1000, 0xFFFFFFFF]),
        ("user.name", [b"root", b"ada", b"app", b"<NA>"]),
        ("user.homedir", [b"/root", b"/home/ada", b"/app", b"<NA>"]),
        ("user.shell", [b"<NA>", b"/bin/zsh", b"/bin/sh", b"<NA>"]),
        ("user.loginuid", [-1, 1000, 0, 5]),
        ("user.loginname", [b"<NA>", b"ada", b"root", b"<NA>"]),
        ("group.gid", [0, 5, 0, 7]),
        ("group.name", [b"root", b"tty", b"root", b"<NA>"]),
    ],
)
def test_value(sample: Sample, name: str, expected: list[object]) -> None:
    assert list(sample.ask(name).values()) == [*expected, None]
