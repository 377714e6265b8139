"""``tiercel case new|add|note|status|verify|export|import|reproduce`` and ``tiercel investigate``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tiercel.errors import InputError
from tiercel.reconstruct.wording.printable import printable

if TYPE_CHECKING:
    from tiercel.case.verify import Verification
    from tiercel.custody.keys import Signer

Directory = Annotated[Path, typer.Argument(metavar="CASE", help="The directory of the case.")]
Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PATH", readable=False, help="Captures, alert logs, audit logs, any other files, and folders of them."
    ),
]
Examiner = Annotated[
    str | None,
    typer.Option("--examiner", envvar="TIERCEL_EXAMINER", help="Who works on the case; by default the user's name."),
]
Key = Annotated[
    Path | None,
    typer.Option("--key", envvar="TIERCEL_KEY", help="The examiner's private key (PEM); made on first use."),
]
Rules = Annotated[
    list[Path] | None,
    typer.Option("-r", "--rules", help="A rules file or a folder of them; by default those that come with tiercel."),
]
Every = Annotated[
    bool, typer.Option("--all-matches", help="An alert for every rule that matches an event, not only the first.")
]
Title = Annotated[str | None, typer.Option("--title", help="What the case is called; by default as its directory.")]
Reference = Annotated[bool, typer.Option("--reference", help="Keep no copy: hash the originals and leave them there.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the top-level ``tiercel`` app."""
    app.command()(investigate)


def register_on_case(app: typer.Typer) -> None:
    """Add the commands to the ``tiercel case`` group."""
    app.command()(new)
    app.command()(add)
    app.command()(note)
    app.command()(status)
    app.command()(verify)
    app.command()(anchor)
    app.command()(export)
    app.command("import")(import_)
    app.command()(reproduce)


def investigate(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH",
            readable=False,
            help="Captures, alert logs, audit logs, any other files, and folders of them.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="The directory to make; by default a new name.")
    ] = None,
    title: Title = None,
    rules: Rules = None,
    every: Every = False,
    reference: Reference = False,
    as_json: Json = False,
    examiner: Examiner = None,
    key: Key = None,
) -> None:
    """Make a case of files, tell what happened, and write a report.

    The same as case new, case add, case incidents and case report. Exit code 1 when something could not be read.
    """
    from tiercel.cli.investigate import investigate

    signer = signing(examiner, key)
    investigate(paths, output, title, signer, rules=rules or [], every=every, copy=not reference, as_json=as_json)


def new(
    directory: Directory,
    title: Annotated[
        str | None, typer.Option("--title", help="What the case is called; by default as the directory.")
    ] = None,
    examiner: Examiner = None,
    key: Key = None,
) -> None:
    """Make an empty case."""
    from tiercel.case import Case

    case = Case.new(directory, title or directory.absolute().name, signing(examiner, key))
    print(case.id)


def add(
    directory: Directory,
    paths: Files = None,
    rules: Rules = None,
    every: Every = False,
    reference: Reference = False,
    examiner: Examiner = None,
    key: Key = None,
) -> None:
    """Take evidence into a case: hash it, copy it, read it into the store, raise alerts.

    Originals are only read. Without PATH reading that was interrupted is done again. Exit code 1 when something could
    not be added, or not be read to its end.
    """
    from tiercel.case import Case
    from tiercel.cli.adding import add_all

    if failures := add_all(
        Case.open(directory, signing(examiner, key)), paths or [], rules or [], every, not reference
    ):
        raise InputError("\ntiercel: ".join(failures))


def note(
    directory: Directory,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to write down.")],
    examiner: Examiner = None,
    key: Key = None,
) -> None:
    """Write a remark into the ledger of a case."""
    from tiercel.case import Case

    Case.open(directory, signing(examiner, key)).note(text)


def status(directory: Directory, as_json: Json = False) -> None:
    """Show what is in a case: evidence and its hashes, events, alerts, gaps, the state of the ledger."""
    from tiercel.case import Case

    found = Case.open(directory).status()
    if as_json:
        print(json.dumps(found.as_json()))
        return
    for line in found.lines():
        print(printable(line))


def verify(
    directory: Directory,
    as_json: Json = False,
    public_keys: Annotated[
        list[Path] | None,
        typer.Option("--public-key", help="Accept only signatures of this key (PEM); repeat for more."),
    ] = None,
    roots: Annotated[
        Path | None, typer.Option("--roots", help="Root certificates that time stamps must lead to (PEM).")
    ] = None,
    no_record: Annotated[bool, typer.Option("--no-record", help="Write nothing into the ledger.")] = False,
    examiner: Examiner = None,
    key: Key = None,
) -> None:
    """Hash everything in a case again and say what was altered, removed, inserted or reordered.

    Exit code 1 when anything is not as the ledger says.
    """
    from tiercel.case.verify import verified
    from tiercel.cli.progress import counting
    from tiercel.custody.keys import PublicKey

    if not directory.is_dir():
        raise InputError(f"{directory}: no such directory")
    if not any((directory / name).exists() for name in ("case.json", "ledger.jsonl", "ledger.head")):
        raise InputError(f"{directory}: no case (it has neither case.json nor a ledger)")
    trusted = [PublicKey.load(path) for path in public_keys] if public_keys else None
    signer = None if no_record else signing(examiner, key)
    with counting("verify", "bytes", results=False) as progress:
        done = verified(directory, signer, trusted, roots, progress)
    if as_json:
        print(json.dumps(done.as_json()))
    else:
        _print_verification(done)
    if done.unrecorded:
        print(f"tiercel: the ledger has no entry about this verification: {done.unrecorded}", file=sys.stderr)
    if not done.ok:
        sys.exit(1)


def anchor(
    directory: Directory,
    url: Annotated[str | None, typer.Option("--url", help="Address of a time stamp authority (RFC 3161).")] = None,
    request: Annotated[
        Path | None, typer.Option("--request", help="Write a request here instead, to be carried to an authority.")
    ] = None,
    response: Annotated[
        Path | None, typer.Option("--response", help="Take the response that was brought back.")
    ] = None,
    roots: Annotated[
        Path | None, typer.Option("--roots", help="Root certificates of the authority (PEM); else those of the system.")
    ] = None,
    examiner: Examiner = None,
    key: Key = None,
) -> None:
    """Have the head of the ledger time-stamped by someone else: proof that all before it existed then."""
    from tiercel.case import Case
    from tiercel.case.disk import explained
    from tiercel.custody import timestamp

    if [url, request, response].count(None) != 2:
        raise typer.BadParameter("give one of --url, --request and --response")
    case = Case.open(directory, signing(examiner, key))
    if request is not None:
        with explained(request, "no request was written"):
            request.write_bytes(timestamp.request(case.ledger))
        return
    made = timestamp.anchor(case.ledger, url, response=response, roots=roots)
    print(f"entry {made.covers} and all before it existed at {made.time}, says {printable(made.authority)}")


def export(
    directory: Directory,
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="What to write: NAME.tar.zst, .tar.gz or .zip.")],
    examiner: Examiner = None,
    key: Key = None,
) -> None:
    """Hand a case over: write it into one archive with a signed list of what is in it."""
    from tiercel.case import Case

    done = Case.open(directory, signing(examiner, key)).export(archive)
    print(f"{done.path}: {done.files:,} files, {done.digests.size:,} bytes, sha256 {done.digests.sha256}")


def import_(
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="What 'tiercel case export' wrote.")],
    directory: Annotated[Path, typer.Argument(metavar="CASE", help="The directory to make of it.")],
    largest: Annotated[
        int | None, typer.Option("--max-size", metavar="BYTES", help="Accept an archive that expands to this much.")
    ] = None,
    examiner: Examiner = None,
    key: Key = None,
) -> None:
    """Take over a case: unpack it, verify everything, and go on with its ledger."""
    from tiercel.case.importing import import_case

    case = import_case(archive, directory, signing(examiner, key), largest=largest)
    print(f"{directory}: {printable(case.title)}, {len(case.evidence)} pieces of evidence, all as recorded")


def reproduce(directory: Directory, as_json: Json = False, examiner: Examiner = None, key: Key = None) -> None:
    """Read all evidence again with the rules used then, and compare with what the case holds.

    Exit code 1 when something comes out otherwise.
    """
    from tiercel.case import Case
    from tiercel.cli.progress import counting

    case = Case.open(directory, signing(examiner, key))
    with counting("reproduce", results=False) as progress:
        done = case.reproduce(progress)
    if as_json:
        print(json.dumps(done.as_json()))
    else:
        for line in done.lines():
            print(printable(line))
    if not done.ok:
        sys.exit(1)


def signing(examiner: str | None, key: Path | None) -> Signer:
    """Return who signs; the passphrase of an encrypted key is asked for on a terminal."""
    import getpass

    from tiercel.custody.keys import signer

    prompt = getpass.getpass if sys.stdin.isatty() else None
    return signer(examiner or _user(), key, prompt=prompt)


def _user() -> str:
    """Return the name of who runs the command: the full name where the system knows it."""
    import getpass
    import os
    import pwd

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return getpass.getuser()
    return entry.pw_gecos.partition(",")[0].strip() or entry.pw_name


def _print_verification(done: Verification) -> None:
    for fault in done.faults:
        print(printable(f"{'' if fault.serious else 'note: '}{fault}"))
    checked = f"{done.files:,} files of {done.size:,} bytes and {done.entries:,} ledger entries"
    print(f"{checked}: {'all as recorded' if done.ok else done.outcome}")
