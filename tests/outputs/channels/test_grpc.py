"""Falco's gRPC services, asked by a client generated from Falco's own definitions."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.outputs.channels.peers import alert, certificates, line, until
from tests.reference import SHARED, needs_reference
from tiercel.errors import InputError
from tiercel.outputs.channels.front import Outputs
from tiercel.outputs.channels.settings import GrpcSettings, OutputSettings

grpc = pytest.importorskip("grpc")
PROTOS = SHARED / "reference/grpc"


class Client:
    """The generated modules."""

    def __init__(self, folder: Path) -> None:
        protoc = pytest.importorskip("grpc_tools.protoc")
        names = ["schema.proto", "outputs.proto", "version.proto"]
        include = Path(protoc.__file__).parent / "_proto"
        done = protoc.main(
            ["", f"-I{PROTOS}", f"-I{include}", f"--python_out={folder}", f"--grpc_python_out={folder}", *names]
        )
        assert done == 0
        sys.path.insert(0, str(folder))
        try:
            self.outputs, self.outputs_grpc, self.version, self.version_grpc = (
                importlib.import_module(name)
                for name in ("outputs_pb2", "outputs_pb2_grpc", "version_pb2", "version_pb2_grpc")
            )
        finally:
            sys.path.remove(str(folder))

    outputs: ModuleType

    def sub(self, channel: Any, got: list[Any]) -> Any:
        """Subscribe in a thread of its own; return the call."""
        hold = threading.Event()

        def requests() -> Iterator[Any]:
            yield self.outputs.request()
            hold.wait()

        call = self.outputs_grpc.serviceStub(channel).sub(requests())

        def read() -> None:
            try:
                for response in call:
                    got.append(response)
            except grpc.RpcError:
                hold.set()

        threading.Thread(target=read, daemon=True).start()
        return call


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(tmp_path_factory.mktemp("client"))


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"unix://{tmp_path}/run/falco.sock"


def outputs(address: str, state: Path | None = None, **changes: Any) -> Outputs:
    return Outputs.of(OutputSettings(grpc=GrpcSettings(address, **changes), retry_first=0.01), state)


pytestmark = needs_reference


def test_a_subscriber_gets_every_alert(client: Client, address: str) -> None:
    out = outputs(address)
    ids = [out.send(line(i), alert(i)) for i in range(100)]
    got: list[Any] = []
    with grpc.insecure_channel(address) as channel:
        call = client.sub(channel, got)
        ids += [out.send(line(i), alert(i)) for i in range(100, 200)]
        until(lambda: len(got) == 200)
        assert out.flush(5)
        call.cancel()
    out.close()
    assert [response.output for response in got] == [line(i).decode() for i in range(200)]
    first = got[0]
    assert (first.rule, first.hostname, first.source) == ("Shell", "web01", "syscall")
    assert first.time.ToNanoseconds() == alert().time
    assert first.priority == 4
    assert first.source_deprecated == 0
    assert sorted(first.tags) == ["container", "shell"]
    assert first.output_fields["proc.name"] == "bash"
    assert first.output_fields["fd.name"] == "<NA>"
    assert first.output_fields["evt.time"].endswith(".000000000")
    assert ids[0].encode() in first.SerializeToString()  # a field these definitions do not have


def test_every_subscriber_gets_what_comes_while_it_is_there(client: Client, address: str) -> None:
    out = outputs(address)
    one: list[Any] = []
    two: list[Any] = []
    with grpc.insecure_channel(address) as a, grpc.insecure_channel(address) as b:
        first, second = client.sub(a, one), client.sub(b, two)
        until(lambda: len(out.workers[0].sink._subscribers) == 2)  # type: ignore[attr-defined]
        for i in range(50):
            out.send(line(i), alert(i))
        until(lambda: len(one) == len(two) == 50)
        first.cancel()
        until(lambda: len(out.workers[0].sink._subscribers) == 1)  # type: ignore[attr-defined]
        out.send(line(50), alert(50))
        until(lambda: len(two) == 51)
        second.cancel()
    out.close()


def test_get_ends_with_what_was_there(client: Client, address: str) -> None:
    out = outputs(address)
    with grpc.insecure_channel(address) as channel:
        stub = client.outputs_grpc.serviceStub(channel)
        for i in range(5):
            out.send(line(i), alert(i))
        assert [response.output for response in stub.get(client.outputs.request(), timeout=5)] == [
            line(i).decode() for i in range(5)
        ]
        assert out.flush(5)
        assert list(stub.get(client.outputs.request(), timeout=5)) == []
    out.close()


def test_alerts_wait_for_a_subscriber_over_a_restart(client: Client, address: str, tmp_path: Path) -> None:
    out = outputs(address, tmp_path)
    out.send(line(0), alert(0, source="internal", priority="Debug", tags=()))
    out.close()
    out = outputs(address, tmp_path)
    got: list[Any] = []
    with grpc.insecure_channel(address) as channel:
        client.sub(channel, got)
        until(lambda: got)
    assert (got[0].output, got[0].priority, got[0].source_deprecated) == (line(0).decode(), 7, 2)
    out.close()


def test_version(client: Client, address: str) -> None:
    out = outputs(address)
    with grpc.insecure_channel(address) as channel:
        said = client.version_grpc.serviceStub(channel).version(client.version.request(), timeout=5)
    out.close()
    assert said.version.startswith("0.43.1+tiercel.")
    assert (said.major, said.minor, said.patch) == (0, 43, 1)
    assert said.engine_version == f"{said.engine_major}.{said.engine_minor}.{said.engine_patch}"


def test_other_addresses_need_mutual_tls(client: Client, tmp_path: Path) -> None:
    certificates(tmp_path)
    out = outputs(
        "localhost:0",
        private_key=str(tmp_path / "server.key"),
        cert_chain=str(tmp_path / "server.crt"),
        root_certs=str(tmp_path / "ca.crt"),
    )
    port = out.workers[0].sink.port  # type: ignore[attr-defined]
    root, key, chain = ((tmp_path / name).read_bytes() for name in ("ca.crt", "client.key", "client.crt"))
    out.send(line(0), alert())
    with grpc.secure_channel(f"localhost:{port}", grpc.ssl_channel_credentials(root, key, chain)) as channel:
        stub = client.outputs_grpc.serviceStub(channel)
        assert [response.rule for response in stub.get(client.outputs.request(), timeout=5)] == ["Shell"]
    with grpc.secure_channel(f"localhost:{port}", grpc.ssl_channel_credentials(root)) as channel:
        stub = client.version_grpc.serviceStub(channel)
        with pytest.raises(grpc.RpcError):
            stub.version(client.version.request(), timeout=2)
    out.close()


def test_a_socket_left_behind_is_replaced_and_one_in_use_is_not(address: str, tmp_path: Path) -> None:
    out = outputs(address)
    with pytest.raises(InputError, match="in use by another process"):
        outputs(address)
    out.close()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="no socket"):
        outputs(f"unix://{tmp_path}/file")
    with pytest.raises(InputError, match=r"server\.key: No such file"):
        outputs("localhost:0", private_key=str(tmp_path / "server.key"))
