"""`/takumi undo`: put back what a run did, as a run of its own."""

from pydantic import Field

from bot.domain.commands import Command, Family, Request
from bot.domain.params import Params
from bot.domain.risk import Risk
from bot.services.registry import Services
from bot.services.runs import asked_by


class UndoRun(Params):
    """Which run to undo."""

    run: int = Field(description="The number of the run, as `/takumi runs` shows it.")


async def undo(request: Request, services: Services) -> None:
    """The run's own card is the answer."""
    await services.runs.undo(request.params.run, asked_by(request))


UNDO = Command(
    "", "Undo a run that succeeded, after approval.", undo, UndoRun, ("run",), Risk.DESTRUCTIVE, example="undo 12"
)
FAMILY = Family("undo", "Put back what a run did.", (UNDO,))
