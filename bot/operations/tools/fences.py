"""What keeps an old attempt from acting beside a new one: a lock on the target's cluster, and an end to named sessions.

Advisory locks belong to a database, so all of ours are taken in the cluster's maintenance database.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from bot.domain.errors import OperationFailed
from bot.domain.operations import StepContext
from bot.operations.tools.access import DatabaseAccess
from bot.operations.tools.processes import outlast
from bot.operations.tools.sessions import Session, session

LOCK_CLASS = 0x54414B55
LOCK_PATIENCE_SECONDS = 30.0
WATCH_EVERY_SECONDS = 1.0
ANSWER_WITHIN_SECONDS = 10.0
END_PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.1

log = structlog.get_logger()


@asynccontextmanager
async def fence(access: DatabaseAccess, context: StepContext) -> AsyncIterator[Session]:
    """Hold the run's lock on that cluster while a step acts; the session is the lock's own.

    When the lock's session is lost the step is stopped at once, since another attempt may now begin. When the step
    fails or is cancelled, every session that bears its name has ended before this raises.
    Raises: OperationFailed.
    """
    async with session(access, context.session_name, access.maintenance_database) as lock:
        await _take(lock, context)
        try:
            async with _watched(lock):
                yield lock
        except BaseException:
            await outlast(_end_quietly(access, context, lock.pid))
            raise


async def must_be_held(session: Session, lock: Session) -> None:
    """Raises: OperationFailed when the lock's session is gone, as the session itself sees it."""
    if not await session.value(_HELD, (lock.pid, LOCK_CLASS)):
        raise OperationFailed(
            "The lock on the target was lost.", hint="Another attempt may be at work. Look, ask again."
        )


_HELD = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = %s AND classid = %s)"


async def end_sessions(access: DatabaseAccess, name_prefix: str, spared: tuple[int, ...] = ()) -> list[str]:
    """End every session of that cluster whose application_name begins so, and wait until none is left.

    Answers the names. Raises: OperationFailed when one does not end in time.
    """
    ended: list[str] = []
    async with session(access, "takumi:ending", access.maintenance_database) as own:
        until = asyncio.get_running_loop().time() + END_PATIENCE_SECONDS
        while left := await own.rows(_NAMED_SESSIONS, (name_prefix, list(spared))):
            ended += [name for _, name in left if name not in ended]
            for pid, _ in left:
                await own.rows("SELECT pg_terminate_backend(%s)", (pid,))
            if asyncio.get_running_loop().time() > until:
                raise OperationFailed(
                    f"Sessions on {access.address} do not end: {', '.join(name for _, name in left)}.",
                    hint="Look into pg_stat_activity there; nothing else is done to this target until they have ended.",
                )
            await asyncio.sleep(POLL_SECONDS)
    return ended


_NAMED_SESSIONS = """
SELECT pid, application_name FROM pg_stat_activity
WHERE starts_with(application_name, %s) AND NOT pid = ANY(%s) AND pid <> pg_backend_pid()
"""


def lock_key(run: str) -> int:
    """A signed 32-bit number for a run's id: two runs that share one merely wait for each other."""
    return int.from_bytes(hashlib.sha256(run.encode()).digest()[:4], "big", signed=True)


async def wait_for_lock(session: Session, lock_class: int, key: int) -> None:
    """Take an advisory lock for as long as the session lives, however long that takes. Raises: OperationFailed."""
    while not await session.value("SELECT pg_try_advisory_lock(%s, %s)", (lock_class, key)):  # noqa: ASYNC110 - another process
        await asyncio.sleep(POLL_SECONDS)


async def _take(lock: Session, context: StepContext) -> None:
    try:
        async with asyncio.timeout(LOCK_PATIENCE_SECONDS):
            await wait_for_lock(lock, LOCK_CLASS, lock_key(context.run))
    except TimeoutError as error:
        raise OperationFailed(
            "Another attempt of this run still holds its lock on the target.",
            hint="Wait until it has ended, or end the session of that name in pg_stat_activity.",
        ) from error


@asynccontextmanager
async def _watched(lock: Session) -> AsyncIterator[None]:
    """Cancel the body when the lock's session no longer answers, and say so instead of CancelledError."""
    body = asyncio.current_task()
    assert body is not None  # noqa: S101 - a coroutine always runs in a task
    watch = asyncio.create_task(_until_lost(lock))
    watch.add_done_callback(lambda task: None if task.cancelled() else body.cancel())
    try:
        yield
    except asyncio.CancelledError:
        if watch.done() and not watch.cancelled() and body.uncancel() == 0:
            raise OperationFailed(
                f"The lock on the target was lost, so the step was stopped: {watch.result()}",
                hint="Look whether PostgreSQL was restarted, then ask again.",
            ) from None
        raise
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def _until_lost(lock: Session) -> str:
    """Ends with the reason once the session does not answer any more."""
    while True:
        await asyncio.sleep(WATCH_EVERY_SECONDS)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
                await lock.rows("SELECT 1")
        except OperationFailed as error:
            return str(error)
        except TimeoutError:
            return f"its session did not answer within {ANSWER_WITHIN_SECONDS:.0f} s"


async def _end_quietly(access: DatabaseAccess, context: StepContext, lock: int) -> None:
    """The step's own error matters more than that its sessions could not be looked at; they end with their clients."""
    try:
        await end_sessions(access, context.session_name, (lock,))
    except OperationFailed as error:
        log.warning("sessions.not_ended", session=context.session_name, why=str(error))
