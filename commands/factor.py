"""`/takumi factor`: what proves somebody beyond their Slack session."""

import re

from pydantic import Field

from bot.domain.commands import Command, Family, Place, Request
from bot.domain.documents import Document, Reply, Text
from bot.domain.errors import RequestError
from bot.domain.params import Params
from bot.domain.risk import Risk
from bot.services import enrolment_documents
from bot.services.registry import Services


class NameWallet(Params):
    """Which wallet."""

    address: str = Field(description="The wallet's address: 0x and 40 hex digits.")


class ShowFactor(Params):
    """What shows that it is theirs."""

    proof: str = Field(description="A code that the app shows, or the signature of the wallet.")
    old: str = Field("", description="A code of the factor before it; without one, two others have to speak for it.")


class VouchFor(Params):
    """For whom."""

    person: str = Field(description="Whose newest factor is theirs: @mention.")


async def show_all(request: Request, services: Services) -> Reply:
    return enrolment_documents.factors(await services.enrolment.of(request.actor.principal))


async def begin_code(request: Request, services: Services) -> Reply:
    return enrolment_documents.code_begun(await services.enrolment.begin_code(request.actor))


async def begin_wallet(request: Request, services: Services) -> Reply:
    typed = await services.enrolment.begin_wallet(request.actor, request.params.address)
    return enrolment_documents.wallet_begun(typed)


async def show(request: Request, services: Services) -> Reply:
    said = await services.enrolment.show(request.actor, request.params.proof, request.params.old)
    return Reply(Document(said, [Text(said)]), private=True)


def _mentioned(text: str) -> str:
    """A user's id, from a mention as Slack hands it over. Raises: RequestError."""
    found = re.fullmatch(r"<?@?([UW][A-Z0-9]+)(\|[^>]*)?>?", text)
    if found is None:
        raise RequestError(f"{text!r} mentions nobody.", hint="Choose them from the list that Slack shows after @.")
    return found[1]


async def vouch(request: Request, services: Services) -> Reply:
    person = await services.approvals.chat.person(_mentioned(request.params.person))
    whom = services.approvals.people.actor(person.slack_user, person.team)
    said = await services.enrolment.vouch(request.actor, whom.principal)
    return Reply(Document(said, [Text(said)]), private=True)


FAMILY = Family(
    "factor",
    "What proves you beyond your Slack session.",
    (
        Command("", "Show your own.", show_all, example="factor"),
        Command("code", "Begin with one-time codes.", begin_code, risk=Risk.ROUTINE, example="factor code"),
        Command(
            "wallet",
            "Begin with a wallet's signatures.",
            begin_wallet,
            NameWallet,
            ("address",),
            Risk.ROUTINE,
            example="factor wallet 0x...",
        ),
        Command(
            "show",
            "Show that you have what you began with.",
            show,
            ShowFactor,
            ("proof",),
            Risk.ROUTINE,
            example="factor show 123456",
        ),
        Command(
            "vouch",
            "Say that somebody's newest factor is theirs.",
            vouch,
            VouchFor,
            ("person",),
            Risk.ROUTINE,
            example="factor vouch @emi",
        ),
    ),
    Place.ANYWHERE,
)
