"""A client of the Container Runtime Interface: what a kubelet says to containerd."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

_PATIENCE = 60.0


@cache
def messages() -> dict[str, Any]:
    """Return the message classes of ``cri.proto`` by name.

    They are in a pool of their own: other clients in this process may know the same names with more fields.
    """
    folder = Path(__file__).parent
    with tempfile.NamedTemporaryFile(suffix=".pb") as compiled:
        failed = protoc.main(["protoc", f"-I{folder}", f"--descriptor_set_out={compiled.name}", "cri.proto"])
        assert not failed, "cri.proto does not compile"
        files = descriptor_pb2.FileDescriptorSet.FromString(Path(compiled.name).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    names = [message.name for file in files.file for message in file.message_type]
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"runtime.v1.{name}")) for name in names}


class Runtime:
    """The CRI runtime service behind a socket.

    Args:
        socket: path of the unix socket.
    """

    def __init__(self, socket: Path) -> None:
        self.channel = grpc.insecure_channel(f"unix://{socket}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.channel.close()

    def call(self, method: str, patience: float = _PATIENCE, **fields: Any) -> Any:
        """Call a method with these fields of its request (messages as dicts); return its answer.

        Raises:
            grpc.RpcError: what containerd says went wrong, or nothing for ``patience`` seconds.
        """
        request, response = messages()[f"{method}Request"], messages()[f"{method}Response"]
        calling = self.channel.unary_unary(
            f"/runtime.v1.RuntimeService/{method}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )
        return calling(request(**fields), timeout=patience, wait_for_ready=True)
