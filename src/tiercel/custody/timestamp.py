"""Time stamps over the head of a ledger: someone else's word for when it existed.

What is stamped is the SHA-256 of the line of the last entry, the very hash that the head names and the next entry
repeats. So a token covers that entry and, through the chain, everything before it, and no other file is needed::

    openssl ts -verify -digest HASH -in timestamps/000012.tsr -CAfile authority.pem
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tiercel.custody import timestamp_token
from tiercel.custody.durable import replace_file
from tiercel.custody.entry import Entry
from tiercel.custody.hashes import digest, digest_bytes
from tiercel.custody.ledger import Ledger
from tiercel.custody.order import Finding
from tiercel.custody.timestamp_token import Token, load_roots
from tiercel.errors import InputError
from tiercel.store.durable import sync

ANCHORED = "head anchored"
FOLDER = "timestamps"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A time stamp over the ledger as it was when entry ``covers`` was its last.

    ``hash`` is that of its line, ``time`` the authority's (RFC 3339), ``authority`` the subject of its certificate as
    the token claims it, ``token`` where the response lies in the case.
    """

    covers: int
    hash: str
    time: str
    authority: str
    token: str


def request(ledger: Ledger) -> bytes:
    """Return a request (DER) over the head, to be carried to an authority by hand; ``anchor`` takes the response.

    Raises:
        InputError: the ledger has no entry, or does not end where its head says.
    """
    return timestamp_token.request(_last_line(ledger))[0]


def anchor(
    ledger: Ledger,
    url: str | None = None,
    *,
    response: str | Path | None = None,
    roots: str | Path | None = None,
    timeout: float = 30,
) -> Anchor:
    """Have the head stamped, keep the token in ``timestamps/`` and say so in the ledger.

    Args:
        ledger: opened with a signer.
        url: of the authority (http or https); or else
        response: a file with an authority's response to ``request``; entries may have been added since.
        roots: root certificates of the authority (PEM), kept in the case. None for those that the system trusts.
        timeout: seconds to wait for the authority.

    Raises:
        InputError: there is no valid token; the ledger is as it was.
    """
    trusted = load_roots(roots)
    if url is not None and response is None:
        query, nonce = timestamp_token.request(_last_line(ledger))
        token = timestamp_token.ask(url, query, timeout)
    elif response is not None and url is None:
        token, nonce = Token.load(response), None
    else:
        raise InputError("give either the address of a time stamp authority or the file of its response")
    token.verify(trusted, nonce)
    covers = next((entry.seq for _, hash_, entry in ledger.numbered() if entry and hash_ == token.imprint), None)
    if covers is None:
        raise InputError(f"{token.where}: the time stamp is over something else than the entries of this ledger")
    return _keep(ledger, token, covers, None if roots is None else trusted, url)


def anchors(ledger: Ledger) -> list[Anchor]:
    """Return the time stamps that the ledger tells of, unchecked. Raises InputError for a damaged line."""
    return [_told(entry) for entry in ledger.entries() if entry.action == ANCHORED]


def verify(ledger: Ledger, roots: str | Path | None = None) -> list[Finding]:
    """Check each kept token against the entry that it covers; nothing found is an empty list.

    Args:
        ledger: one whose ``check`` found nothing: here no signature of an entry is looked at.
        roots: root certificates that you trust (PEM). None for those kept in the case, else those that the system
            trusts; a token is worth no more than the trust in whoever chose them.

    Raises:
        InputError: the ledger or ``roots`` cannot be read.
    """
    given = None if roots is None else load_roots(roots)
    lines: dict[int, tuple[str, str]] = {}  # hash and time of the entries so far
    findings: list[Finding] = []
    for number, line_hash, entry in ledger.numbered():
        if entry is None:
            continue
        lines[entry.seq] = (line_hash, entry.time)
        if entry.action == ANCHORED:
            for what, serious in _wrong(ledger.path, entry, lines, given):
                findings.append(Finding("timestamp", number, entry.seq, what, serious))
    return findings


def _last_line(ledger: Ledger) -> bytes:
    line = ledger.last_line()
    if line is None:
        raise InputError(f"{ledger.file}: has no entry yet that could be stamped")
    return line


def _keep(
    ledger: Ledger, token: Token, covers: int, roots: Sequence[x509.Certificate] | None, url: str | None
) -> Anchor:
    folder = ledger.path / FOLDER
    stem, number = f"{covers:06}", 1
    while (folder / f"{stem}.tsr").exists():
        number += 1
        stem = f"{covers:06}-{number}"
    contents = {f"{stem}.tsr": token.der}
    if roots is not None:
        contents[f"{stem}.roots.pem"] = b"".join(root.public_bytes(Encoding.PEM) for root in roots)
    try:
        folder.mkdir(exist_ok=True)
        for name, content in contents.items():
            replace_file(folder / name, content)
        sync(folder)
        sync(ledger.path)
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}; the time stamp was not kept") from None
    made = Anchor(covers, token.imprint, token.time, token.authority, f"{FOLDER}/{stem}.tsr")
    detail = {
        "covers": made.covers,
        "hash": made.hash,
        "time": made.time,
        "authority": made.authority,
        "policy": token.policy,
        "serial": token.serial,
        "url": url,
        "token": made.token,
        "files": {f"{FOLDER}/{name}": digest_bytes(content).as_dict() for name, content in contents.items()},
    }
    ledger.append(ANCHORED, detail=detail)
    return made


def _told(entry: Entry) -> Anchor:
    covers = entry.detail.get("covers")
    hash_, time, authority, token = (str(entry.detail.get(name)) for name in ("hash", "time", "authority", "token"))
    return Anchor(covers if isinstance(covers, int) else 0, hash_, time, authority, token)


def _wrong(
    case: Path, entry: Entry, lines: Mapping[int, tuple[str, str]], given: Sequence[x509.Certificate] | None
) -> Iterator[tuple[str, bool]]:
    """Yield what is wrong with the token of an entry, and whether that is serious."""
    told = _told(entry)
    name = told.token.removeprefix(FOLDER + "/")
    if not name.endswith(".tsr") or "/" in name or "\0" in name:
        yield f"{told.token!r} is not the name of a token", True
        return
    path = case / FOLDER / name
    kept = path.with_suffix(".roots.pem")
    try:
        for file in (path, kept):
            stated = _stated(entry, f"{FOLDER}/{file.name}")
            if stated is not None and digest(file).as_dict() != stated:
                yield f"{FOLDER}/{file.name} was altered: its hash is not that in the ledger", True
                return
        token = Token.load(path)
        covered, claimed = lines.get(told.covers, ("", ""))
        if not token.imprint == told.hash == covered:
            yield f"{told.token} does not cover entry {told.covers} as it is in the ledger", True
            return
        kept_roots = kept if _stated(entry, f"{FOLDER}/{kept.name}") else None
        token.verify(load_roots(kept_roots) if given is None else given)
    except InputError as error:
        yield str(error), True
        return
    if claimed > token.time:
        yield f"stamped at {token.time}, but entry {told.covers} says {claimed}: the clock there was ahead", False
    elif token.time > entry.time:
        yield f"stamped at {token.time}, but this entry says {entry.time}: the clock here was behind", False


def _stated(entry: Entry, path: str) -> object:
    files = entry.detail.get("files")
    return files.get(path) if isinstance(files, dict) else None
