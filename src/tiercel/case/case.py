"""A case: one directory with the evidence, the ledger, what was read from the evidence, and reports.

DIR/case.json      schema version, id, title, when it was made
DIR/evidence/      copies of the originals, read-only
DIR/ledger.jsonl   what was done, by whom; the list of evidence and files comes from here
DIR/ledger.head    keys/  timestamps/
DIR/store/         segments, of every evidence that can be read
DIR/rules/         rules files as they were used
DIR/pieces/        hashes of the pieces of files, to say where one was changed
DIR/reports/
DIR/incoming/      only while something is added
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from tiercel.case.aside import appearing
from tiercel.case.disk import explained
from tiercel.case.record import CREATED, Evidence, Record
from tiercel.case.staging import INCOMING, STORE, Staging
from tiercel.case.verify import Verification, verified
from tiercel.case.views import Views
from tiercel.custody import clock
from tiercel.custody.durable import read_small
from tiercel.custody.entry import NO_HASH, Entry, line_hash
from tiercel.custody.hashes import Digests
from tiercel.custody.keys import Signer, signer
from tiercel.custody.ledger import Ledger
from tiercel.custody.lock import locked
from tiercel.errors import InputError
from tiercel.store.store import Store

if TYPE_CHECKING:
    from tiercel.case.adding import Added
    from tiercel.case.export import Exported
    from tiercel.case.ingesting import Reading
    from tiercel.case.reading import Progress
    from tiercel.case.reproduce import Reproduction
    from tiercel.case.status import Status
    from tiercel.custody.keys import PublicKey

SCHEMA_VERSION = 1
CASE_FILE = "case.json"
NOTE = "note"


class About(TypedDict, total=False):
    """What an entry of the ledger says beside its action, see :meth:`tiercel.custody.ledger.Ledger.append`."""

    evidence: str | None
    before: Digests | None
    after: Digests | None
    outcome: str
    detail: Mapping[str, Any] | None


class Case(Views):
    """A case in the directory ``path``; make or open it with :meth:`new` or :meth:`open`.

    ``id``, ``title`` and ``created`` (RFC 3339) are what its case.json says; ``ledger`` is its chain of custody,
    ``evidence`` the pieces of evidence in the order they were added.
    """

    def __init__(self, path: Path, ledger: Ledger) -> None:
        self.path = path
        self.ledger = ledger
        about = _case_file(path)
        self.id = str(about["id"])
        self.title = str(about["title"])
        self.created = str(about["created"])
        self._record: Record | None = None
        self._known = self._before = NO_HASH  # hashes of the last entry in that, and of the one before

    @classmethod
    def new(
        cls,
        path: str | Path,
        title: str,
        examiner: str | Signer,
        *,
        key: Path | None = None,
        argv: Sequence[str] | None = None,
    ) -> Case:
        """Make a case in a directory that does not exist yet or is empty.

        Args:
            path: the directory.
            title: what the case is called.
            examiner: who signs.
            key: their private key, see :func:`tiercel.custody.keys.signer`.
            argv: the command line for the ledger; None for that of this process.

        Raises:
            InputError: the directory holds something, cannot be made, or there is no key.
        """
        target = Path(path)
        who = examiner if isinstance(examiner, Signer) else signer(examiner, key)
        with appearing(target) as made:
            ledger = Ledger.create(made, who)
            about = {"schema": SCHEMA_VERSION, "id": str(uuid.uuid4()), "title": title, "created": clock.now()}
            staging = Staging(made)
            Store.create(staging.at(STORE))
            content = json.dumps(about, indent=2, ensure_ascii=False)
            staging.write(CASE_FILE, content.encode("utf-8", "backslashreplace") + b"\n")
            files = _files(staging.seal())
            ledger.append(CREATED, detail={"id": about["id"], "title": title, "files": files}, argv=argv)
            staging.settle(Record.of(ledger.entries()).files)
        return cls(target, Ledger.open(target, who))

    @classmethod
    def open(cls, path: str | Path, examiner: str | Signer | None = None, *, key: Path | None = None) -> Case:
        """Open a case: to read only, or to work on it as ``examiner``.

        Raises:
            InputError: there is no case, or no key.
        """
        target = Path(path)
        ledger = Ledger.open(target)
        case = cls(target, ledger)
        if examiner is not None:
            ledger.signer = examiner if isinstance(examiner, Signer) else signer(examiner, key)
        case.recover()
        return case

    @property
    def record(self) -> Record:
        """What the ledger says the case holds.

        Raises:
            InputError: the ledger is damaged.
        """
        if self._record is None:
            self._record = Record()
            self._known = self._before = NO_HASH
            for entry in self.ledger.entries():
                self._take(self._record, entry)
        return self._record

    @property
    def evidence(self) -> list[Evidence]:
        return list(self.record.evidence.values())

    def evidence_path(self, evidence: Evidence) -> Path:
        """Return where to read a piece of evidence: its copy, or the original it refers to."""
        stored = self.path / evidence.path
        return stored if evidence.copied or stored.exists() else Path(evidence.origin)

    @property
    def store(self) -> Store:
        """The store with what was read of the evidence."""
        return Store.open(self.path)

    def add(
        self,
        path: str | Path,
        *,
        copy: bool = True,
        rules: Sequence[str | Path] | Reading = (),
        progress: Progress | None = None,
    ) -> Added:
        """Take a file into the case and read it into the store.

        Evidence that the case holds already is not added again, but read if that was interrupted or had failed.

        Args:
            path: the original: it is only read.
            copy: keep a copy; False refers to the original where it is.
            rules: rules files and folders to raise alerts with, those that come with tiercel without any.
            progress: told the number of events read so far.

        Raises:
            InputError: nothing was added; or the evidence was and cannot be read, which the ledger then says.
        """
        from tiercel.case.adding import Added, add
        from tiercel.case.ingesting import Reading, ingest_evidence

        reading = rules if isinstance(rules, Reading) else Reading.of(rules)
        with self.working() as staging:
            added = add(self, staging, Path(path), copy)
            if not added.evidence.waits:
                return added
            return Added(ingest_evidence(self, staging, added.evidence, reading, progress), added.again)

    def resume(self, rules: Sequence[str | Path] | Reading = (), progress: Progress | None = None) -> list[Evidence]:
        """Read evidence into the store whose reading was interrupted; returns it.

        Raises:
            InputError: it cannot be read, or the disk refuses.
        """
        from tiercel.case.ingesting import Reading, ingest_evidence

        if not any(evidence.waits and evidence.failure is None for evidence in self.evidence):
            return []
        reading = rules if isinstance(rules, Reading) else Reading.of(rules)
        with self.working() as staging:
            waiting = [evidence for evidence in self.evidence if evidence.waits and evidence.failure is None]
            return [ingest_evidence(self, staging, evidence, reading, progress) for evidence in waiting]

    def status(self) -> Status:
        """Return the totals of the case. Raises InputError when the ledger or a manifest is damaged."""
        from tiercel.case.status import status

        return status(self)

    def verify(
        self,
        trusted: Sequence[PublicKey] | None = None,
        *,
        roots: Path | None = None,
        record: bool = True,
        progress: Progress | None = None,
    ) -> Verification:
        """Verify every file against the ledger, and the ledger against itself, see :func:`tiercel.case.verify.verify`.

        With ``record`` the ledger gets an entry about it, unless it is so damaged that it takes none.
        """
        return verified(self.path, self.ledger.signer if record else None, trusted, roots, progress)

    def export(self, out: str | Path) -> Exported:
        """Write the case into one archive to hand over, see :func:`tiercel.case.export.export`."""
        from tiercel.case.export import export

        return export(self, Path(out))

    def reproduce(self, progress: Progress | None = None) -> Reproduction:
        """Read all evidence again and compare, see :func:`tiercel.case.reproduce.reproduce`."""
        from tiercel.case.reproduce import reproduce

        return reproduce(self, progress)

    def note(self, text: str) -> Entry:
        """Write a remark of the examiner into the ledger.

        Raises:
            InputError: the remark is empty, or the ledger cannot be written.
        """
        if not text.strip():
            raise InputError("the note is empty")
        return self.append(NOTE, detail={"text": text})

    def append(self, action: str, **about: Unpack[About]) -> Entry:
        """Write an entry into the ledger, see :meth:`tiercel.custody.ledger.Ledger.append`."""
        entry = self.ledger.append(action, **about)
        if self._record is not None and entry.prev == self._known:
            self._take(self._record, entry)
        else:
            self._record = None
        return entry

    @contextmanager
    def working(self) -> Iterator[Staging]:
        """Work on the case alone while the block runs; what it makes goes through the waiting room it is given.

        Left-overs of interrupted work are settled before, what was not committed is deleted after.

        Raises:
            InputError: another process works on the case, it is opened to read only, or the disk refuses something.
        """
        if self.ledger.signer is None:
            raise InputError(f"{self.path}: opened to read only; name the examiner who works on it")
        with locked(self.path), explained(self.path, "the case is as it was before", self.path / INCOMING):
            staging = self._settled()
            try:
                yield staging
            finally:
                with suppress(OSError):
                    staging.discard()

    def commit(self, staging: Staging, action: str, **about: Unpack[About]) -> Entry:
        """Write an entry with the hashes of all that waits, and move that to its place.

        Raises:
            InputError: the ledger cannot be written.
            OSError: the disk refuses something.
        """
        about["detail"] = {**(about.get("detail") or {}), "files": _files(staging.seal())}
        entry = self.append(action, **about)
        staging.settle(self.record.files)
        return entry

    def recover(self) -> None:
        """Finish what was interrupted: move what the ledger knows to its place, delete the rest."""
        if not (self.path / "incoming").exists():
            return
        with suppress(InputError, OSError), locked(self.path):  # someone is at it, or the medium is read-only
            self._settled()

    def _settled(self) -> Staging:
        """Return the waiting room after settling what was interrupted. Leaves it alone when the ledger is not sound."""
        head = self.ledger.head().hash
        if head != self._known:
            self._record = None  # another process has worked on the case
        files = self.record.files
        if head not in (self._known, self._before):  # the one before: a crash came between an entry and the head
            raise InputError(f"{self.ledger.file}: does not end where its head says; see 'tiercel case verify'")
        staging = Staging(self.path)
        staging.settle(files)
        return staging

    def _take(self, record: Record, entry: Entry) -> None:
        record.take(entry)
        self._before, self._known = self._known, line_hash(entry.line())


def _files(sealed: Mapping[str, Digests]) -> dict[str, Any]:
    return {path: digests.as_dict() for path, digests in sealed.items()}


def _case_file(path: Path) -> dict[str, Any]:
    place = path / CASE_FILE
    try:
        about = json.loads(read_small(place))
        if not isinstance(about, dict) or not {"schema", "id", "title", "created"} <= about.keys():
            raise ValueError("its keys are not those of a case")
    except OSError as error:
        raise InputError(f"{place}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: damaged ({error})") from None
    if about["schema"] != SCHEMA_VERSION:
        raise InputError(f"{place}: schema {about['schema']!r} is not known: this tiercel reads {SCHEMA_VERSION}")
    return about
