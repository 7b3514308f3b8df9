"""What buttons do; a button carries an opaque id, and the state comes from the row."""

from collections.abc import Mapping

from bot.domain.commands import Request
from bot.domain.documents import Document, Reply, Text
from bot.services.registry import Services
from bot.services.requests import ActionHandler


async def cancel_run(request: Request, services: Services) -> Reply:
    said = await services.runs.cancel(request.params, request.actor)
    return Reply(Document(said, [Text(said)]))


ACTIONS: Mapping[str, ActionHandler] = {"run.cancel": cancel_run}
