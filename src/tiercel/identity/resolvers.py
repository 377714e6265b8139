"""Which resolvers there are, in the order they are asked."""

from __future__ import annotations

from tiercel.identity.bundle import Bundles
from tiercel.identity.model import Resolver
from tiercel.identity.settings import IdentitySettings


def local_resolvers(settings: IdentitySettings) -> list[Resolver]:
    """Return those that read files: they answer at once."""
    return [Bundles(settings)]


def remote_resolvers(settings: IdentitySettings) -> list[Resolver]:
    """Return those that ask sockets and servers."""
    return []
