"""What an operation is handed: the platform's access, and sessions and programs that bear the step's name."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from difflib import get_close_matches

import structlog
from psycopg.conninfo import make_conninfo

from bot.domain.actions import Executor
from bot.domain.errors import OperationFailed, RequestError
from bot.domain.operations import StepContext
from bot.domain.targets import Target
from bot.operations.tools.access import DatabaseAccess, Login, Platform
from bot.operations.tools.executors import executor_of
from bot.operations.tools.fences import end_sessions, fence
from bot.operations.tools.objects import ObjectStore
from bot.operations.tools.processes import Command
from bot.operations.tools.programs import Programs, programs_for
from bot.operations.tools.sessions import CONNECT_SECONDS, NO_ANSWER, SETTINGS, Session, session
from bot.services.backup_ports import KnownBackups, NothingKnown

log = structlog.get_logger()

LOOK_UP = StepContext(run="look-up", step="", attempt=0)
NOTHING_KNOWN: KnownBackups = NothingKnown()


@dataclass(frozen=True)
class StepTools:
    """Tools for one attempt of one step, or for one look-up."""

    platform: Platform
    context: StepContext
    objects: ObjectStore | None
    known: KnownBackups = NOTHING_KNOWN

    def database(self, name: str) -> DatabaseAccess:
        """The access to a configured database; an empty name means the default one. Raises: RequestError."""
        wanted = name or self.platform.default_database
        names = [access.name for access in self.platform.databases]
        if wanted in names:
            return self.platform.databases[names.index(wanted)]
        near = get_close_matches(wanted, names, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Configured are: {', '.join(names) or 'none'}."
        raise RequestError(f"There is no database {wanted!r}.", hint=hint, fields={"database": hint})

    def target(self, name: str) -> Target:
        """A configured target. Raises: RequestError."""
        found = next((target for target in self.platform.targets if target.name == name), None)
        if found is None:
            names = ", ".join(target.name for target in self.platform.targets) or "none"
            hint = f"TAKUMI_BOT_TARGETS has: {names}."
            raise RequestError(f"There is no target {name!r}.", hint=hint, fields={"target": hint})
        return found

    def executor(self, target: Target) -> Executor:
        """How actions reach it. Raises: OperationFailed in a worker that may no longer act."""
        self.context.must_hold()
        return executor_of(target)

    @asynccontextmanager
    async def session(
        self, access: DatabaseAccess, database: str = "", login: Login | None = None
    ) -> AsyncIterator[Session]:
        """A session in that database of the cluster; the access's own one when left out. Raises: OperationFailed."""
        self.context.must_hold()
        async with session(access, self.context.session_name, database or access.name, login) as opened:
            # Whoever took over ended our sessions before this one was there: it must do nothing.
            self.context.must_hold()
            yield opened

    @asynccontextmanager
    async def fence(self, access: DatabaseAccess) -> AsyncIterator[Session]:
        """The right to act on that cluster, for as long as it is held. Raises: OperationFailed."""
        self.context.must_hold()
        async with fence(access, self.context) as lock:
            self.context.must_hold()
            yield lock

    async def programs(self, server_major: int) -> Programs:
        """Raises: OperationFailed when none fit."""
        return await programs_for(server_major, self.platform.program_folders)

    def command(
        self, access: DatabaseAccess, program: str, programs: Programs, arguments: Sequence[str], **where: str
    ) -> Command:
        """A client program with the maintenance role's login; `database` and `options` may be given in `where`."""
        return self.command_as(access.login, access, program, programs, arguments, **where)

    def command_as(
        self,
        login: Login,
        access: DatabaseAccess,
        program: str,
        programs: Programs,
        arguments: Sequence[str],
        *,
        database: str = "",
        options: str = "",
    ) -> Command:
        """A client program on that database; the password is in its environment, never in its arguments."""
        self.context.must_hold()
        target = make_conninfo(
            "",
            host=access.host,
            port=access.port,
            user=login.user,
            dbname=database or access.name,
            connect_timeout=CONNECT_SECONDS,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )
        environment = {
            "PGPASSWORD": login.password.get_secret_value(),
            "PGAPPNAME": self.context.session_name,
            "PGOPTIONS": f"{SETTINGS} {options}".strip(),
        }
        return Command(programs.path(program), ("--no-password", f"--dbname={target}", *arguments), environment)


class Toolbox:
    """Hands tools out, and ends what an earlier attempt of a run left on the platform."""

    def __init__(self, platform: Platform, known: KnownBackups = NOTHING_KNOWN) -> None:
        self._known = known
        self.renew(platform)

    def renew(self, platform: Platform) -> None:
        """From now on steps and look-ups reach the platform like this; those that have begun go on as they were."""
        self.platform = platform
        self._objects = ObjectStore(platform.backups) if platform.backups.bucket else None

    def for_look_up(self) -> StepTools:
        return self.for_step(LOOK_UP)

    def for_step(self, context: StepContext) -> StepTools:
        return StepTools(self.platform, context, self._objects, self._known)

    async def end_effects(self, run_id: str) -> Sequence[str]:
        """End every session of the run on every cluster, and wait for their end; names them.

        The programs of a dead worker have died with it; those of a living one end with their sessions. A cluster that
        does not answer while another does is passed over: whoever acts on it has to take the run's lock there first.
        Raises: OperationFailed when a session does not end, or no cluster answers.
        """
        clusters = self.platform.clusters
        ended: list[str] = []
        silent: list[OperationFailed] = []
        for access in clusters.values():
            try:
                ended += await end_sessions(access, f"takumi:{run_id}:")
            except OperationFailed as error:
                if error.facts.get("sqlstate") != NO_ANSWER:
                    raise
                log.warning("sessions.not_ended", run=run_id, why=str(error))
                silent.append(error)
        if silent and len(silent) == len(clusters):
            raise silent[0]
        return ended
