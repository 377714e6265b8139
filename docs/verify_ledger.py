"""Verify the ledger of a tiercel case without tiercel: Python 3.11 and the package `cryptography` are enough.

    python verify_ledger.py CASE KEY.pub [KEY.pub ...]

CASE is a case directory, or a folder with its ledger.jsonl and ledger.head alone. KEY.pub are the public keys you
trust, received by another way than the case. Prints what is wrong and ends with 1, or says what was verified.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key


def ordered(value):
    if isinstance(value, dict):  # keys in the order of their UTF-16 code units
        return {key: ordered(value[key]) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}
    return [ordered(item) for item in value] if isinstance(value, list) else value


def canonical(value):
    return json.dumps(ordered(value), ensure_ascii=False, separators=(",", ":")).encode()


def signed(text, keys):
    """Return the object in `text`; ValueError unless it is canonical JSON signed with a trusted key."""
    value = json.loads(text)
    if not isinstance(value, dict) or canonical(value) != text:
        raise ValueError("not canonical JSON")
    key = keys.get(value["key"])
    if key is None:
        raise ValueError(f"signed with key {value['key']}, which is not among those given")
    signature = base64.b64decode(value["sig"], validate=True)
    if base64.b64encode(signature).decode() != value["sig"]:
        raise ValueError("signature not in its canonical spelling")
    key.verify(signature, canonical({name: item for name, item in value.items() if name != "sig"}))
    return value


def verify(case, keys):
    """Return the entries and what is wrong."""
    wrong, entries, prev, seq = [], [], "0" * 64, 0
    text = (case / "ledger.jsonl").read_bytes()
    *lines, torn = text.split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            entry = signed(line, keys)
            if (entry["format"], entry["seq"]) != ("tiercel ledger entry 1", seq + 1):
                wrong.append(f"line {number}: entry {entry['seq']} stands where entry {seq + 1} belongs")
            elif entry["prev"] != prev:
                wrong.append(f"line {number}: does not follow the line before, which was altered")
            entries.append(entry)
            seq = entry["seq"]
        except (ValueError, KeyError, TypeError, RecursionError, InvalidSignature) as error:
            wrong.append(f"line {number}: altered: {str(error) or 'wrong signature'}")
            seq += 1
        prev = hashlib.sha256(line).hexdigest()
    try:
        head = signed((case / "ledger.head").read_bytes().removesuffix(b"\n"), keys)
        before = entries[-1]["prev"] if entries else None
        # After a crash the last entry may not be in the head yet: it is whole, signed and chained, so it counts.
        if (head["seq"], head["hash"]) not in ((seq, prev), (seq - 1, before)):
            wrong.append(f"ledger.head: names entry {head['seq']}, the ledger ends with {seq}: something is missing")
        elif torn:
            print(f"note: {len(torn)} bytes after the last entry, of one that was never finished")
    except (OSError, ValueError, KeyError, TypeError, RecursionError, InvalidSignature) as error:
        wrong.append(f"ledger.head: missing or altered: {str(error) or 'wrong signature'}")
    return entries, wrong


def files(case, entries):
    """Yield what is wrong with the files whose hashes the ledger tells, where they are there."""
    told = {path: hashes for entry in entries for path, hashes in entry["detail"].get("files", {}).items()}
    for path, hashes in told.items():
        if not (case / path).resolve().is_relative_to(case.resolve()) or not (case / path).is_file():
            yield f"{path}: missing"
            continue
        with open(case / path, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != hashes["sha256"]:
                yield f"{path}: altered: its SHA-256 is not {hashes['sha256']}"


if __name__ == "__main__":
    case, keys = Path(sys.argv[1]), {}
    for key in (load_pem_public_key(Path(name).read_bytes()) for name in sys.argv[2:]):
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        keys[hashlib.sha256(der).hexdigest()] = key
    entries, wrong = verify(case, keys)
    if not wrong and (case / "evidence").is_dir():
        wrong = list(files(case, entries))
    print(*wrong, sep="\n", end="\n" if wrong else "")
    if not wrong:
        names = ", ".join(sorted({f"{entry['examiner']} ({entry['key'][:12]})" for entry in entries}))
        print(f"{len(entries)} entries, each signed and in its place; by {names}")
    sys.exit(bool(wrong))
