"""Services of a target: looked at and acted on through its executor, and looked at again afterwards."""

import asyncio
import shlex
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from bot.domain.actions import must_be_able, vector_of
from bot.domain.errors import OperationFailed
from bot.domain.operations import Observation, Outcome, Seen
from bot.domain.plans import Claim
from bot.domain.targets import Environment, Target, Verb
from bot.operations.tools.toolbox import StepTools

LOOK_EVERY = timedelta(seconds=1)
LOOK_FOR = timedelta(minutes=2)


class ServiceLookUp(BaseModel):
    """A service as it is now, and the exact words that would be run; `command` is bound to the approval."""

    model_config = ConfigDict(frozen=True)

    target: str
    service: str
    verb: Verb
    environment: Environment
    executor: str
    place: str
    command: str
    running: bool
    told: str

    def claim(self) -> Claim:
        return Claim(f"service:{self.target}/{self.service}")


async def look_up_service(tools: StepTools, name: str, service: str, verb: Verb) -> ServiceLookUp:
    """Raises: RequestError, Refused naming what is missing, OperationFailed when it cannot be looked at."""
    target = tools.target(name)
    vector = vector_of(target, verb, service)
    must_be_able(target, Verb.STATUS, service)
    state = await tools.executor(target).look(service)
    return ServiceLookUp(
        target=target.name,
        service=service,
        verb=verb,
        environment=target.environment,
        executor=target.executor.value,
        place=target.place,
        command=shlex.join(vector),
        running=state.running,
        told=state.told,
    )


@dataclass(frozen=True)
class ActOnService:
    """Asks the executor for one action; an exit code other than 0 is a failure, and 0 is not yet a success."""

    found: ServiceLookUp
    timeout: timedelta = timedelta(minutes=6)
    safe_to_repeat: bool = False

    def describe(self) -> str:
        return f"Run `{self.found.command}` on {self.found.place} ({self.found.executor})"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed, Refused when the target no longer allows it."""
        target = self._same(tools)
        answer = await tools.executor(target).do(self.found.verb, self.found.service)
        if answer.code != 0:
            raise OperationFailed(f"`{self.found.command}` ended with exit code {answer.code}: {answer.told}")
        return Outcome(f"`{self.found.command}` was taken: {answer.told or 'nothing was said'}")

    async def probe(self, tools: StepTools) -> Observation:
        """A service that runs may have been restarted, or not: only a person knows what they wanted."""
        target = self._same(tools)
        state = await tools.executor(target).look(self.found.service)
        return Observation(Seen.CANNOT_TELL, f"{self.found.service} is {state.told} now")

    def _same(self, tools: StepTools) -> Target:
        target = tools.target(self.found.target)
        now = shlex.join(vector_of(target, self.found.verb, self.found.service))
        if (now, target.place) != (self.found.command, self.found.place):
            raise OperationFailed(f"{target.name} is configured differently by now.", hint="Ask for it again.")
        return target


@dataclass(frozen=True)
class CheckService:
    """Looks until the service is as it should be after the action."""

    found: ServiceLookUp
    timeout: timedelta = LOOK_FOR + timedelta(seconds=30)
    safe_to_repeat: bool = True

    def describe(self) -> str:
        wanted = "stopped" if self.found.verb is Verb.STOP else "running"
        return f"Look until {self.found.service} is {wanted}, for {LOOK_FOR.total_seconds():.0f} s at most"

    async def run(self, tools: StepTools) -> Outcome:
        """Raises: OperationFailed with the last thing seen."""
        executor = tools.executor(tools.target(self.found.target))
        wanted, until = self.found.verb is not Verb.STOP, asyncio.get_running_loop().time() + LOOK_FOR.total_seconds()
        while True:
            state = await executor.look(self.found.service)
            if state.running is wanted:
                return Outcome(f"{self.found.service} is {state.told}")
            if asyncio.get_running_loop().time() > until:
                raise OperationFailed(f"{self.found.service} is {state.told}, and should not be.")
            await asyncio.sleep(LOOK_EVERY.total_seconds())
