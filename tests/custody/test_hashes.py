from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from blake3 import blake3

from tiercel.custody.hashes import Digests, digest, digest_bytes
from tiercel.errors import InputError


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3_000_001])
def test_both_hashes_in_one_pass(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "f").write_bytes(content)
    expected = Digests(hashlib.sha256(content).hexdigest(), blake3(content).hexdigest(), size)
    assert digest(tmp_path / "f") == expected == digest_bytes(content)
    assert expected.as_dict() == {"sha256": expected.sha256, "blake3": expected.blake3, "size": size}


def test_what_is_read_can_be_copied_on_the_way(tmp_path: Path) -> None:
    content = os.urandom(2_500_000)
    (tmp_path / "f").write_bytes(content)
    pieces: list[bytes] = []
    digest(tmp_path / "f", pieces.append)
    assert b"".join(pieces) == content


def test_access_time_stays(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x")
    os.utime(path, ns=(10**18, 10**18 + 5))  # older than the file's own times: reading would renew it
    digest(path)
    assert (path.stat().st_atime_ns, path.stat().st_mtime_ns) == (10**18, 10**18 + 5)


def test_a_file_that_grows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(2_000_000))

    def grow(piece: bytes) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    with pytest.raises(InputError, match="changed while it was read"):
        digest(path, grow)


def test_a_file_that_shrinks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(3_000_000))
    with pytest.raises(InputError, match="changed while it was read"):
        digest(path, lambda piece: os.truncate(path, 1_500_000))


def test_a_byte_changed_in_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(2_000_000))
    os.utime(path, ns=(10**18, 10**18))

    def change(piece: bytes) -> None:
        with path.open("r+b") as file:
            file.write(b"x")

    with pytest.raises(InputError, match="changed while it was read"):
        digest(path, change)


def test_a_file_that_is_exchanged_or_removed_is_refused(tmp_path: Path) -> None:
    path, other = tmp_path / "f", tmp_path / "g"
    path.write_bytes(b"x")
    other.write_bytes(b"x")
    os.link(path, tmp_path / "second")  # the last link would change the count and with it the change time
    with pytest.raises(InputError, match="changed while it was read"):
        digest(path, lambda piece: os.replace(other, path))
    with pytest.raises(InputError, match="changed while it was read"):
        digest(path, lambda piece: path.unlink())


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, reason in [(tmp_path, "regular"), (tmp_path / "pipe", "regular"), (tmp_path / "none", "No such file")]:
        with pytest.raises(InputError, match=reason):
            digest(path)


def test_hashes_agree_with_other_tools(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"evidence\n" * 1000)
    said = subprocess.run(["sha256sum", tmp_path / "f"], capture_output=True, text=True, check=True).stdout
    assert said.split()[0] == digest(tmp_path / "f").sha256
