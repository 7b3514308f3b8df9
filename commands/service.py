"""`/takumi service`: what runs on the machines of the platform, acted on after approval."""

from bot.domain.commands import Command, Family, Request
from bot.domain.risk import Risk
from bot.services.registry import Services
from bot.services.runs import asked_by


async def act(request: Request, services: Services) -> None:
    """The approval card is the answer."""
    await services.runs.request("act-on-service", request.params, asked_by(request))


ACT = Command(
    "",
    "Start, stop, restart, reload or recreate a service, after approval.",
    act,
    positional=("target", "service", "verb"),
    risk=Risk.DISRUPTIVE,
    runbook="act-on-service",
    example="service web-1 nginx reload",
)
FAMILY = Family("service", "Services on the platform's machines.", (ACT,))
