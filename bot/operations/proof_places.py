"""Where, when and within what a backup is proven: looked up and judged before anybody has to wait for it."""

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bot.domain import phrases
from bot.domain.backups import Backup, Manifest, Verdict
from bot.domain.errors import Misconfigured, Refused, RequestError
from bot.domain.plans import Claim
from bot.domain.verdicts import FileFacts, Retention
from bot.operations.capabilities import Capabilities, Capability, look_up_capabilities, must_have
from bot.operations.looking import DatabaseFacts, look_at_database
from bot.operations.restorers import must_have_restorer
from bot.operations.targeting import free_bytes_of
from bot.operations.tools.access import DatabaseAccess, ProofRules
from bot.operations.tools.sessions import Session
from bot.operations.tools.toolbox import StepTools
from bot.operations.verifying import look_up_known, must_be_there

# At most one proof at a time, on whatever server.
PROOF_CLAIM = Claim("proof of a backup")
ROOM = 1.5
# A compressed dump of a database without a manifest is rarely more than an eighth of what it becomes.
UNFOLDS = 8


class ProofPlace(BaseModel):
    """The server of a proof. `owner` is the role that will own the copy; `free_bytes` is None where it is not seen."""

    model_config = ConfigDict(frozen=True)

    server: DatabaseFacts
    is_apart: bool
    owner: str
    capabilities: Capabilities
    free_bytes: int | None
    bytes_per_second: int


class ProofLookUp(BaseModel):
    """A backup and where it will be proven; `sha256` is what was recorded of it, `needed_bytes` of its database."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    file: str
    sha256: str
    size_bytes: int
    database: str
    needed_bytes: int
    place: ProofPlace


async def look_up_proof(tools: StepTools, wanted: str, *, outside: bool) -> ProofLookUp:
    """What `wanted` (the newest unproven one when empty) needs, and whether it may be proven now.

    `outside` is whether somebody wants it outside of the hours. Raises: RequestError, Refused, Misconfigured,
    OperationFailed.
    """
    rules = tools.platform.proofs
    must_be_in_hours(rules, await tools.known.now(), outside=outside)
    backup = await look_up_known(tools, wanted) if wanted else await _newest_unproven(tools)
    must_be_there(backup)
    place = await look_up_place(tools, backup.database)
    needed = needed_bytes(backup)
    must_fit(rules, place, needed)
    return ProofLookUp(
        folder=Path(backup.folder),
        file=backup.file,
        sha256=backup.sha256,
        size_bytes=backup.size_bytes,
        database=backup.database,
        needed_bytes=needed,
        place=place,
    )


async def _newest_unproven(tools: StepTools) -> Backup:
    found = unproven(tuple(await tools.known.there()), tools.platform.proofs)
    if not found:
        raise RequestError("Every backup is proven.", hint="Name one to prove it again.")
    return found[0]


def unproven(backups: tuple[Backup, ...], rules: ProofRules) -> list[Backup]:
    """Those of the bot's own that wait for a proof, newest first; one made elsewhere than on the proving server does.

    A file without a manifest can never be proven, and does not wait.
    """
    there = rules.server.address if rules.server else ""
    return [
        one
        for one in backups
        if one.manifest is not None
        and one.retention is Retention.KEPT
        and (one.verdict is Verdict.UNPROVEN or (one.verdict is Verdict.PROVEN and there not in ("", one.proven_on)))
    ]


async def look_up_place(tools: StepTools, database: str) -> ProofPlace:
    """Raises: Refused when the server forbids what a proof needs; OperationFailed when it is away."""
    rules = tools.platform.proofs
    access = rules.server or _source(tools, database)
    server = await look_at_database(tools, access)
    await tools.programs(server.server_major)
    async with tools.session(access, access.maintenance_database) as session:
        capabilities = await look_up_capabilities(session, access.address)
        must_have(capabilities, Capability.CREATEDB, "a proof restores into a database of its own")
        await must_have_restorer(session, access)
        free = await _free(session, access)
    return ProofPlace(
        server=server,
        is_apart=rules.server is not None,
        owner=access.login.user if rules.server else server.owner,
        capabilities=capabilities,
        free_bytes=free,
        bytes_per_second=rules.bytes_per_second,
    )


async def _free(session: Session, access: DatabaseAccess) -> int | None:
    folder = await session.value("SELECT setting FROM pg_settings WHERE name = 'data_directory'")
    return await free_bytes_of(access.host, folder)


def _source(tools: StepTools, database: str) -> DatabaseAccess:
    """The database that it was taken from, or else the default one: its server is what counts."""
    names = [access.name for access in tools.platform.databases]
    return tools.database(database if database in names else "")


def access_of(tools: StepTools, place: ProofPlace) -> DatabaseAccess:
    """Raises: Misconfigured when the settings no longer have the server that was planned with."""
    access = tools.platform.proofs.server if place.is_apart else tools.database(place.server.name)
    if access is None:
        raise Misconfigured("There is no proving server any more.", hint="Ask for the proof again.")
    return access


def needed_bytes(backup: Backup | FileFacts) -> int:
    """How large the restored database will be; a guess where no manifest says it."""
    manifest = backup.manifest if isinstance(backup, Backup) else None
    known = Manifest.model_validate(manifest).source_size_bytes if manifest else 0
    return known or UNFOLDS * backup.size_bytes


def must_fit(rules: ProofRules, place: ProofPlace, needed: int) -> None:
    """Raises: Refused without one and a half times its size of free space, or beyond the configured budget."""
    if rules.most_bytes and needed > rules.most_bytes:
        raise Refused(
            f"The restored database needs {phrases.size(needed)}; a proof may take {phrases.size(rules.most_bytes)}.",
            hint="Raise TAKUMI_BOT_PROOF_MOST_GB, or name a larger proving server.",
        )
    if place.free_bytes is not None and place.free_bytes < ROOM * needed:
        raise Refused(
            f"The disk of {place.server.address} has {phrases.size(place.free_bytes)} free; a proof of"
            f" {phrases.size(needed)} wants one and a half times that: {phrases.size(int(ROOM * needed))}.",
            hint="Free some space there, or name another server in TAKUMI_BOT_PROOF_DATABASE_URL.",
        )


def must_be_in_hours(rules: ProofRules, now: datetime, *, outside: bool) -> None:
    """Raises: Refused."""
    if rules.hours is not None and not outside and not rules.hours.contains(now):
        raise Refused(f"Backups are proven {rules.hours}.", hint="To prove it all the same now: add --now.")
