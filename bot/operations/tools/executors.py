"""How actions reach machines: on this one, through SSH, or through an orchestrator."""

import asyncio
import os
import shlex
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncssh

from bot.domain.actions import Answer, Executor, ServiceState, vector_of
from bot.domain.errors import Misconfigured, OperationFailed
from bot.domain.targets import ExecutorKind, SshReach, Target, Verb
from bot.operations.tools.kubernetes import Cluster
from bot.operations.tools.processes import Command, run

LIMIT = timedelta(minutes=5)
CONNECT_SECONDS = 10
TOLD = 2_000
# What a forced command answers to anything that is not on its list: 126 is the shell's "cannot be executed".
FORBIDDEN = 126


def executor_of(target: Target) -> Executor:
    """The executor that a target names; one with none refuses each action when it is asked."""
    if target.executor is ExecutorKind.KUBERNETES and target.kubernetes is not None:
        return Cluster(target, target.kubernetes)
    if target.executor is ExecutorKind.SSH and target.ssh is not None:
        return OverSsh(target, target.ssh)
    return OnThisMachine(target)


@dataclass(frozen=True)
class OnThisMachine:
    """systemd, compose or docker, as programs of the bot's own machine."""

    target: Target

    async def do(self, verb: Verb, service: str) -> Answer:
        program, *arguments = vector_of(self.target, verb, service)
        found = shutil.which(program)
        if found is None:
            raise OperationFailed(
                f"{self.target.name} is reached by {self.target.executor.value}, and this machine has no {program}.",
                hint=f"Install {program} beside the bot, or give {self.target.name} another executor (ssh).",
            )
        command = Command(Path(found), tuple(arguments), _docker_environment())
        async with asyncio.timeout(LIMIT.total_seconds()):
            ended = await run(command)
        return Answer(ended.code, _told(str(ended.drained), ended.stderr))

    async def look(self, service: str) -> ServiceState:
        return state_of(self.target, service, await self.do(Verb.STATUS, service))


@dataclass(frozen=True)
class OverSsh:
    """A machine whose sshd lets the bot's key run its forced command alone; the host's key must be known."""

    target: Target
    reach: SshReach

    async def do(self, verb: Verb, service: str) -> Answer:
        return await self.ask(shlex.join(vector_of(self.target, verb, service)))

    async def ask(self, words: str) -> Answer:
        """Send these words, which the forced command compares with its list; only that list decides."""
        try:
            async with asyncio.timeout(LIMIT.total_seconds()), self._connected() as connection:
                ended = await connection.run(words, check=False, stdin=asyncssh.DEVNULL)
        except (OSError, asyncssh.Error, TimeoutError) as error:
            said = str(error) or type(error).__name__
            raise OperationFailed(
                f"{self.target.name} is not reached at {self.target.place}: {said}.",
                hint="`python -m bot executor` prints what that machine needs; its host key must be in known_hosts.",
            ) from error
        return self._answered(words, Answer(_code(ended), _told(_text(ended.stdout), _text(ended.stderr))))

    async def look(self, service: str) -> ServiceState:
        return state_of(self.target, service, await self.do(Verb.STATUS, service))

    def _answered(self, words: str, answer: Answer) -> Answer:
        if answer.code == FORBIDDEN:
            raise OperationFailed(
                f"{self.target.name} does not allow `{words}`: {answer.told}",
                hint=f"Install there what `python -m bot executor {self.target.name}` prints now.",
            )
        return answer

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncssh.SSHClientConnection]:
        reach = self.reach
        for path in (reach.key_file, reach.known_hosts):
            if not path.is_file():
                raise Misconfigured(f"{path} is not there.", hint=f"Mend {self.target.name} in TAKUMI_BOT_TARGETS.")
        async with asyncssh.connect(
            reach.host,
            reach.port,
            username=reach.user,
            client_keys=[str(reach.key_file)],
            known_hosts=str(reach.known_hosts),
            agent_path=None,
            config=None,
            connect_timeout=CONNECT_SECONDS,
            keepalive_interval=15,
        ) as connection:
            yield connection


def state_of(target: Target, service: str, answer: Answer) -> ServiceState:
    """What an answer to `status` means. Raises: OperationFailed when nobody could tell."""
    lines = answer.told.split()
    if target.executor is ExecutorKind.COMPOSE:
        if answer.code != 0:
            raise OperationFailed(f"{target.name} cannot be looked at: {answer.told}")
        running = service in lines
        return ServiceState(running, "running" if running else "not running")
    said = lines[0] if lines else ""
    if not said or (answer.code != 0 and target.executor is ExecutorKind.DOCKER):
        raise OperationFailed(f"{target.name} does not say how {service} is: {answer.told or 'it said nothing'}")
    return ServiceState(said in ("active", "running"), said)


def _docker_environment() -> dict[str, str]:
    """Where the daemon is, and the folder of its client's own settings."""
    return {name: os.environ[name] for name in ("DOCKER_HOST", "DOCKER_CONFIG", "HOME") if name in os.environ}


def _code(ended: asyncssh.SSHCompletedProcess) -> int:
    """A program that a signal ended has no exit code."""
    return ended.exit_status if ended.exit_status is not None else -1


def _text(said: object) -> str:
    return said if isinstance(said, str) else ""


def _told(*streams: str) -> str:
    text = " ".join(" ".join(streams).split())
    return text if len(text) <= TOLD else f"{text[:TOLD]}..."
