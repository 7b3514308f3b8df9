"""`python -m bot audit ...`: the trail, exported, verified, proven entry by entry, and its keys."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Annotated, Any, BinaryIO, NoReturn, TypeAlias, TypeVar

import typer

from bot.domain.audit import Entry, RecordedEntry, Verb
from bot.domain.canonical import canonical_json
from bot.domain.errors import BotError, Misconfigured
from bot.domain.people import Actor, Surface
from bot.domain.redaction import Redactor
from bot.installation import anchors_of, writer_of
from bot.rotation import read_settings
from bot.services.beginning import begin, former_of
from bot.services.rows import AuditQuery
from bot.services.trail import Trail
from bot.stores.connections import Pool, make_pool
from bot.stores.exporting import Exports
from bot.stores.postgres import PostgresStore
from bot.stores.proofs import proof_of
from bot.stores.retention import retire
from bot.stores.signing import make_key
from bot.verifier import Report, Verifier, check_proof, told

T = TypeVar("T")
Trusted: TypeAlias = dict[str, list[str]] | None

app = typer.Typer(help="The trail: print, export, verify, prove.", invoke_without_command=True)

KeysOption = Annotated[Path | None, typer.Option("--keys", help="Trusted public keys, as `audit keys` printed them.")]
AnchorsOption = Annotated[str, typer.Option("--anchors", help="A folder with the anchors, or s3:// for the bucket.")]


@app.callback()
def show(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(help="How many entries, newest first.")] = 20,
    before: Annotated[int | None, typer.Option(help="Only entries older than this number.")] = None,
    run: Annotated[str, typer.Option(help="Only those of the run with this id.")] = "",
    person: Annotated[str, typer.Option(help="Only those of this principal.")] = "",
    target: Annotated[str, typer.Option(help="Only those that name this.")] = "",
) -> None:
    """Print the trail, one JSON line an entry."""
    if context.invoked_subcommand is not None:
        return
    query = AuditQuery(limit=limit, before=before, run=run, principal=person, target=target)
    for recorded, name in _run(_entries(query)):
        who = {"name": name} if name else {}
        typer.echo(canonical_json({"id": recorded.id, "at": recorded.at, "entry": recorded.entry} | who))


async def _entries(query: AuditQuery) -> list[tuple[RecordedEntry, str]]:
    async with _opened() as pool, PostgresStore(pool, _no_jobs, "count(*)").work() as work:
        names = await work.audit.names()
        return [(one, names.get(one.entry.actor.principal, "")) for one in await work.audit.find(query)]


@app.command()
def export(file: Annotated[Path, typer.Argument(help="A new file; `-` is standard output.")]) -> None:
    """Write what is chained, for `verify` here or elsewhere."""
    _run(_export(file))


async def _export(file: Path) -> None:
    with _new(file) as target:
        async with _recording() as (pool, store):
            await Trail(store).record(_TERMINAL, Verb.TRAIL_EXPORTED, file.name, {})
            async for line in Exports(pool).lines():
                target.write(line)
        target.flush()


def _new(file: Path) -> AbstractContextManager[BinaryIO]:
    if str(file) == "-":
        return nullcontext(sys.stdout.buffer)
    try:
        return file.open("xb")
    except OSError as error:
        raise Misconfigured(f"Nothing was exported: {error}", hint="Choose a new file.") from error


@app.command()
def verify(
    from_export: Annotated[Path | None, typer.Option(help="This export instead of the database.")] = None,
    keys: KeysOption = None,
    anchors: AnchorsOption = "",
    signatures: Annotated[bool, typer.Option(help="Check every entry's own signature as well.")] = True,
    proof: Annotated[Path | None, typer.Option(help="Instead of the trail, what `audit prove` printed.")] = None,
) -> None:
    """Check the chain, the heads, the numbers and the signatures; exit code 1 when anything is wrong."""
    if proof is not None:
        _verify_proof(proof, _trusted(keys), anchors)
    report = _run(_verify(from_export, _trusted(keys), anchors, signatures=signatures))
    typer.echo(report.text())
    raise typer.Exit(1 if report.problems else 0)


def _verify_proof(file: Path, trusted: Trusted, anchors: str) -> NoReturn:
    made = _json(file, "proof")
    report = _run(_checked_proof(made, trusted, anchors))
    typer.echo(told(made, report))
    raise typer.Exit(1 if report.problems else 0)


async def _checked_proof(made: Any, trusted: Trusted, anchors: str) -> Report:
    with TemporaryDirectory() as folder:
        texts = _texts(await _anchors(anchors, Path(folder))) if anchors else None
        try:
            return check_proof(made, trusted, texts)
        except (KeyError, TypeError, AttributeError) as error:
            raise Misconfigured("This is no proof of an entry.", hint="`audit prove ENTRY` prints one.") from error


def _trusted(file: Path | None) -> Trusted:
    return _json(file, "file of keys") if file else None


def _json(file: Path, what: str) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        _stop(BotError(f"The {what} cannot be read: {error}"))


async def _verify(from_export: Path | None, trusted: Trusted, anchors: str, *, signatures: bool) -> Report:
    with TemporaryDirectory() as folder:
        texts = _texts(await _anchors(anchors, Path(folder))) if anchors else None
        if from_export is not None:
            with from_export.open("rb") as lines:
                return Verifier(trusted, texts, signatures=signatures).check(lines)
        return await _verify_database(trusted, texts, signatures=signatures)


async def _verify_database(trusted: Trusted, texts: Iterator[str] | None, *, signatures: bool) -> Report:
    async with _opened() as pool:
        exports = Exports(pool)
        retired = await exports.retired()
        # By way of a file, so that a long check holds no snapshot of the database.
        with NamedTemporaryFile() as file:
            async for line in exports.lines():
                file.write(line)
            file.seek(0)
            return Verifier(trusted, texts, signatures=signatures, retired=retired).check(file)


async def _anchors(where: str, folder: Path) -> Path:
    """The folder with all anchors; those of S3 are copied to `folder`. `s3://` alone is the configured prefix."""
    if not where.startswith("s3://"):
        return Path(where)
    settings, prefix = read_settings(), where.removeprefix("s3://")
    place = anchors_of(settings.model_copy(update={"anchor_prefix": prefix}) if prefix else settings)
    if place is None:
        raise Misconfigured("No bucket of anchors is configured.", hint="Set TAKUMI_BOT_ANCHOR_BUCKET.")
    number = 0
    async for text in place.texts():
        (folder / f"{number:012d}").write_text(text, encoding="utf-8")
        number += 1
    return folder


def _texts(folder: Path) -> Iterator[str]:
    """One after the other, so that never more than one is held."""
    for file in sorted(folder.iterdir()):
        yield file.read_text(encoding="utf-8")


@app.command()
def prove(entry: Annotated[int, typer.Argument(help="The number of the entry, as the trail shows it.")]) -> None:
    """Print proof that this one entry is under a signed head, for somebody who may see no other."""
    typer.echo(json.dumps(_run(_prove(entry))))


async def _prove(entry: int) -> dict[str, Any]:
    async with _opened() as pool:
        exports = Exports(pool)
        found, keys = await exports.place_of(entry), await exports.keys()
    if found is None:
        raise Misconfigured(f"Entry {entry} is not under a signed head.", hint="Is it in the trail, and chained?")
    place, hashes = found
    return place | {"proof": proof_of(hashes, place["index"]), "keys": keys}


@app.command()
def keys() -> None:
    """Print the public keys that have signed here, to be published: by use, as `verify --keys` reads them."""
    typer.echo(json.dumps(_run(_keys())))


async def _keys() -> dict[str, list[str]]:
    async with _opened() as pool:
        return await Exports(pool).keys()


@app.command()
def key(file: Annotated[Path, typer.Argument(help="A new file, which only its owner may read.")]) -> None:
    """Make a key that signs entries or heads, and print its public half."""
    try:
        typer.echo(make_key(file).public)
    except BotError as error:
        _stop(error)


@app.command(name="begin")
def begin_again(
    former: Annotated[str, typer.Argument(help="The anchors of the former trail: s3://PREFIX, or a folder of them.")],
    keys: Annotated[Path, typer.Option("--keys", help="The published keys of the former trail.")],
) -> None:
    """After the loss of the database: go on, with an entry that names the last head outside."""
    begun = _run(_begin(former, _trusted(keys) or {}))
    lost = begun["last"] - begun["kept_until"]
    typer.echo(
        f"Follows head {begun['batch']} (entry {begun['last']}) of {former}; {lost} of its entries are not here."
    )
    for doubt in begun["doubts"]:
        typer.echo(f"PROBLEM {doubt}")


async def _begin(former: str, trusted: dict[str, list[str]]) -> Mapping[str, Any]:
    with TemporaryDirectory() as old, TemporaryDirectory() as new:
        end = former_of(_texts(await _anchors(former, Path(old))), trusted)
        if read_settings().anchor_bucket and any((await _anchors("s3://", Path(new))).iterdir()):
            raise Misconfigured("There are anchors below this prefix.", hint="Set another TAKUMI_BOT_ANCHOR_PREFIX.")
    async with _recording() as (pool, store):
        return await begin(Trail(store), Exports(pool), end, former, _TERMINAL)


@app.command()
def forget(principal: Annotated[str, typer.Argument(help="Whose name is erased; the entries stay.")]) -> None:
    """Erase what a principal is called; the chain holds no names and is untouched."""
    _run(_forget(principal))


async def _forget(principal: str) -> None:
    async with _recording() as (_, store), store.work() as work:
        if not await work.audit.erase_name(principal):
            raise Misconfigured(f"No name is kept for {principal}.", hint="Nothing had to be erased.")
        await work.audit.record(Entry(_TERMINAL, Verb.NAME_ERASED, principal))


@app.command(name="retire")
def retire_month(month: Annotated[str, typer.Argument(help="The month, as 2025-01.")]) -> None:
    """Drop a month of the trail that is anchored and older than ninety days, as the role that may."""
    typer.echo(f"Retired up to position {_run(_retire(month))}; its heads stay.")


async def _retire(month: str) -> int:
    url = read_settings().retention_database_url
    if url is None:
        raise Misconfigured("The role that retires is not known.", hint="Set TAKUMI_BOT_RETENTION_DATABASE_URL.")
    async with _recording() as (_, store):
        await Trail(store).record(_TERMINAL, Verb.TRAIL_RETIRED, month, {})
    return await retire(url.get_secret_value(), month)


_TERMINAL = Actor("bot:terminal", Surface.TERMINAL)


@asynccontextmanager
async def _recording() -> AsyncIterator[tuple[Pool, PostgresStore]]:
    """The trail for whoever adds to it: the key that signs here is known before it does."""
    settings = read_settings()
    async with _opened() as pool:
        store = PostgresStore(pool, _no_jobs, "count(*)", Redactor(settings.secrets()), writer_of(settings))
        await store.publish_key()
        yield pool, store


async def _no_jobs(*_: Any) -> None:
    """Nothing here starts work."""


@asynccontextmanager
async def _opened() -> AsyncIterator[Pool]:
    async with make_pool(read_settings().database_url.get_secret_value(), max_size=2) as pool:
        yield pool


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except BotError as error:
        _stop(error)
    except (OSError, ValueError) as error:
        _stop(BotError(f"This cannot be read: {error}"))


def _stop(error: BotError) -> NoReturn:
    sys.stderr.write(f"{error} {error.hint}".strip() + "\n")
    raise typer.Exit(2)
