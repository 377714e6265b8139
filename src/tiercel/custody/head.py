"""The head of the ledger: a small signed file that says how many entries there are and how the last one hashes.

Without it the last lines could be cut off and the rest would still be a perfect chain.
"""

from __future__ import annotations

from dataclasses import dataclass

from tiercel.custody import canonical
from tiercel.custody.keys import PublicKey, Signer

FORMAT = "tiercel ledger head 1"
_FIELDS = {"format": str, "hash": str, "key": str, "seq": int, "sig": str, "time": str}


@dataclass(frozen=True, slots=True)
class Head:
    """``seq`` of the last entry (0: none), ``hash`` of its line, its ``time``, fingerprint of the ``key``, ``sig``."""

    seq: int
    hash: str
    time: str
    key: str
    sig: str = ""

    @classmethod
    def parse(cls, content: bytes) -> Head:
        """Return the head of a file's content. Raises ValueError, which says what is wrong with it."""
        if not content.endswith(b"\n"):
            raise ValueError("its line end is missing")
        value = canonical.decode(content[:-1])
        if value.keys() != _FIELDS.keys() or value["format"] != FORMAT:
            raise ValueError("its fields are not those of a head")
        for name, kind in _FIELDS.items():
            if not isinstance(value[name], kind) or isinstance(value[name], bool):
                raise ValueError(f"field {name} is of the wrong kind")
        if not 0 <= value["seq"] < 1 << 63:
            raise ValueError("field seq is out of range")
        del value["format"]
        return cls(**value)

    def message(self) -> bytes:
        """Return what is signed: the canonical JSON without ``sig``."""
        return canonical.encode(
            {"format": FORMAT, "hash": self.hash, "key": self.key, "seq": self.seq, "time": self.time}
        )

    def content(self) -> bytes:
        """Return what the file holds."""
        value = {"format": FORMAT} | {name: getattr(self, name) for name in _FIELDS if name != "format"}
        return canonical.encode(value) + b"\n"

    def signed_by(self, key: PublicKey) -> bool:
        return key.fingerprint == self.key and key.signed(self.message(), self.sig)


def signed(seq: int, line_hash: str, time: str, signer: Signer) -> Head:
    """Return a head with its signature."""
    bare = Head(seq, line_hash, time, signer.public.fingerprint)
    return Head(seq, line_hash, time, bare.key, signer.sign(bare.message()))
