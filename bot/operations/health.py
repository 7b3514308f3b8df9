"""How the platform is: every part looked at side by side, each with its own time limit."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bot.domain import phrases
from bot.domain.errors import BotError
from bot.operations.archiving import look_at_archive, told_archive
from bot.operations.copying import PREFIX, bucket_advice
from bot.operations.files import SPARE_BYTES
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.services import get_json, latest_block, ping_redis
from bot.operations.tools.toolbox import StepTools, Toolbox
from bot.services.ports import Health, HealthState

LIMIT = timedelta(seconds=8)
HTTP_OK = 200
LOW_SHARE = 0.10
CROWDED_SHARE = 0.9
Look = Callable[[], Awaitable[Health]]


@dataclass(frozen=True)
class Part:
    """One thing to look at; `advice` is for when the look fails."""

    component: str
    look: Look
    advice: str


class PlatformHealth:
    """Fulfils `HealthProbe` for what is configured; a look that fails or hangs is an answer, too."""

    def __init__(self, toolbox: Toolbox, limit: timedelta = LIMIT) -> None:
        self._toolbox = toolbox
        self._limit = limit

    async def look(self) -> Sequence[Health]:
        tools = self._toolbox.for_look_up()
        return await asyncio.gather(*(self._seen(part) for part in _parts(tools)))

    async def _seen(self, part: Part) -> Health:
        began = asyncio.get_running_loop().time()
        health = await self._without_raising(part)
        took = timedelta(seconds=asyncio.get_running_loop().time() - began)
        return replace(health, took=took)

    async def _without_raising(self, part: Part) -> Health:
        try:
            async with asyncio.timeout(self._limit.total_seconds()):
                return await part.look()
        except TimeoutError:
            detail = f"no answer within {phrases.duration(self._limit)}"
        except (BotError, OSError) as error:
            detail = str(error)
        return Health(part.component, HealthState.DOWN, detail, part.advice)


def _parts(tools: StepTools) -> list[Part]:
    platform = tools.platform
    parts = [_backend(url, len(platform.backend_urls)) for url in platform.backend_urls]
    parts += [_database(tools, access) for access in platform.databases]
    if platform.redis_url.get_secret_value():
        parts.append(Part("Redis", lambda: _look_at_redis(tools), "Start Redis, or mend TAKUMI_BOT_REDIS_URL."))
    if platform.chain_rpc_url.get_secret_value():
        advice = "Look at the RPC provider; the indexer stands still meanwhile."
        parts.append(Part("Chain", lambda: _look_at_chain(tools), advice))
    if tools.objects:
        advice = "Backups need S3: mend it, or ask for one with `--to local`."
        parts.append(Part("S3", lambda: _look_at_s3(tools), advice))
    if platform.repository:
        parts.append(Part("WAL archive", lambda: look_at_wal(tools), "Look at archive_command and the repository."))
    parts.append(Part("Backup folder", lambda: _look_at_folder(tools), "Make the folder, or mend BACKUP_DIR."))
    return parts


def _backend(url: str, of: int) -> Part:
    name = "Backend" if of == 1 else f"Backend {url.split('//', 1)[-1].split('/', 1)[0]}"
    return Part(name, lambda: _look_at_backend(name, url), "Look at the backend's log, then restart it.")


async def _look_at_backend(name: str, url: str) -> Health:
    answer = await get_json(url)
    status = str(answer.body.get("status", "no status"))
    detail = f"HTTP {answer.status}, {status}, environment {answer.body.get('environment', 'not told')}"
    if answer.status == HTTP_OK and answer.body.get("success") is True:
        return Health(name, HealthState.OK, detail)
    advice = "It answers but is not well: look at its database and Redis first."
    return Health(name, HealthState.DEGRADED, detail, advice)


def _database(tools: StepTools, access: DatabaseAccess) -> Part:
    name = f"Database {access.name}"
    advice = f"Look whether PostgreSQL at {access.address} runs, and at its log."
    return Part(name, lambda: _look_at_database(tools, access, name), advice)


async def _look_at_database(tools: StepTools, access: DatabaseAccess, name: str) -> Health:
    """A session that answers a query says more than pg_isready, which does not even log in."""
    async with tools.session(access) as session:
        ((version, started, used, most, replica),) = await session.rows(_DATABASE)
    uptime = phrases.duration(datetime.now(UTC) - started)
    detail = f"PostgreSQL {version}, up {uptime}, {used} of {most} connections" + (", a replica" if replica else "")
    if used >= most * CROWDED_SHARE:
        advice = "Few connections are left: look into pg_stat_activity for idle ones."
        return Health(name, HealthState.DEGRADED, detail, advice)
    return Health(name, HealthState.OK, detail)


_DATABASE = """
SELECT split_part(current_setting('server_version'), ' ', 1), pg_postmaster_start_time(),
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       current_setting('max_connections')::int, pg_is_in_recovery()
"""


async def _look_at_redis(tools: StepTools) -> Health:
    seen = await ping_redis(tools.platform.redis_url.get_secret_value())
    memory, clients = phrases.size(seen.used_memory_bytes), phrases.count(seen.clients, "client")
    return Health("Redis", HealthState.OK, f"PONG, version {seen.version}, {memory} used, {clients}")


async def _look_at_chain(tools: StepTools) -> Health:
    platform = tools.platform
    block = await latest_block(platform.chain_rpc_url.get_secret_value())
    age = datetime.now(UTC) - block.at
    detail = f"chain {block.chain_id}, block {block.number:,}, {phrases.duration(max(age, timedelta()))} old"
    if platform.chain_id not in (None, block.chain_id):
        advice = f"This is not chain {platform.chain_id}: mend the RPC URL or NETWORK before anything is sent."
        return Health("Chain", HealthState.DEGRADED, detail, advice)
    if age > platform.oldest_block:
        advice = "No new block for a while: look at the RPC provider and at the chain's status page."
        return Health("Chain", HealthState.DEGRADED, detail, advice)
    return Health("Chain", HealthState.OK, detail)


async def _look_at_s3(tools: StepTools) -> Health:
    assert tools.objects is not None  # noqa: S101 - this part is only looked at where there is a bucket
    await tools.objects.reach()
    traits, places = await tools.objects.traits(PREFIX), tools.platform.backups
    detail = f"bucket {tools.objects.bucket} answers, {traits.told}"
    wrong = bucket_advice(traits, places.storage.lock, places.retention.days)
    return Health("S3", HealthState.DEGRADED if wrong else HealthState.OK, detail, wrong)


async def look_at_wal(tools: StepTools) -> Health:
    """The age of the last archived WAL is what would be lost now."""
    facts = await look_at_archive(tools)
    detail, advice = told_archive(facts)
    return Health("WAL archive", HealthState.DEGRADED if advice else HealthState.OK, detail, advice)


async def _look_at_folder(tools: StepTools) -> Health:
    folder = tools.platform.backups.folder
    usage = await asyncio.to_thread(shutil.disk_usage, folder)
    detail = f"{folder}: {phrases.size(usage.free)} free of {phrases.size(usage.total)}"
    if usage.free < max(SPARE_BYTES, usage.total * LOW_SHARE):
        return Health("Backup folder", HealthState.DEGRADED, detail, "Free some space: a backup may not fit.")
    return Health("Backup folder", HealthState.OK, detail)
