"""One containerd for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.containerd.host import Containerd, Pod


@pytest.fixture(scope="module")
def host() -> Iterator[Containerd]:
    with Containerd.start() as host:
        yield host


@pytest.fixture
def pod(host: Containerd) -> Iterator[Pod]:
    pod = host.pod("shop-7d9f", namespace="store", labels={"app": "shop"})
    yield pod
    pod.remove()
