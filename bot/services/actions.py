"""What buttons and modals do; a button carries an opaque id, and the state comes from the row."""

from collections.abc import Awaitable, Callable, Mapping

from bot.domain.approvals import Verdict
from bot.domain.commands import Request
from bot.domain.documents import Document, Reply, Text
from bot.domain.factors import Proof
from bot.services.enrolment_documents import CAST, signable
from bot.services.forms import sign_form
from bot.services.interruptions import Answer
from bot.services.registry import Services

ActionHandler = Callable[[Request, Services], Awaitable[Reply | None]]


async def cancel_run(request: Request, services: Services) -> Reply:
    return _said(await services.runs.cancel(request.params, request.actor))


async def approve_run(request: Request, services: Services) -> Reply:
    return _said(await services.approvals.decide(request.params, request.actor, Verdict.APPROVED))


async def _goes_on(request: Request, services: Services, answer: Answer) -> Reply:
    return _said(await services.interruptions.answer(request.params, request.actor, answer))


async def was_done(request: Request, services: Services) -> Reply:
    return await _goes_on(request, services, Answer.WAS_DONE)


async def run_again(request: Request, services: Services) -> Reply:
    return await _goes_on(request, services, Answer.RUN_AGAIN)


async def abort(request: Request, services: Services) -> Reply:
    return await _goes_on(request, services, Answer.ABORT)


async def acknowledge_alert(request: Request, services: Services) -> Reply:
    return _said(await services.alerts.acknowledge(int(request.params), request.actor))


async def acknowledge_storm(request: Request, services: Services) -> Reply:
    return _said(await services.alerts.acknowledge_storm(int(request.params), request.actor))


async def close_alert(request: Request, services: Services) -> Reply:
    return _said(await services.alerts.close(int(request.params), request.actor, "by its button"))


async def silence_alert(request: Request, services: Services) -> Reply:
    """`<number>|<length>` of a button."""
    number, _, length = request.params.partition("|")
    return _said(await services.silences.silence(int(number), request.actor, length, "by its button"))


async def silence_alert_until(request: Request, services: Services) -> Reply:
    moment, reason = request.values.get("until", ""), request.values.get("reason", "")
    return _said(await services.silences.silence(int(request.params), request.actor, moment, reason))


async def lift_silence(request: Request, services: Services) -> Reply:
    return _said(await services.silences.lift(int(request.params), request.actor))


async def escalate_alert(request: Request, services: Services) -> Reply:
    return _said(await services.summoning.escalate(int(request.params), request.actor))


async def declare_incident(request: Request, services: Services) -> Reply:
    return _said(await services.summoning.declare(int(request.params), request.actor))


async def opened_already(_request: Request, _services: Services) -> None:
    """The modal that asks for the reason, a code or a moment was opened before the acknowledgement."""


async def deny_run(request: Request, services: Services) -> Reply:
    reason = request.values.get("reason", "")
    return _said(await services.approvals.decide(request.params, request.actor, Verdict.DENIED, reason))


async def approve_with_code(request: Request, services: Services) -> Reply:
    proof = Proof(code=request.values.get("code", ""))
    return _said(await services.approvals.decide(request.params, request.actor, Verdict.APPROVED, proof=proof))


async def open_signing(request: Request, services: Services) -> Reply:
    """Fill the modal with what this person's wallet has to sign."""
    nonce, typed = await services.approvals.challenge(request.params, request.actor)
    form = sign_form(request.params, nonce, signable(typed), CAST, request.origin.channel)
    return Reply(Document("What your wallet signs is in the modal."), form=form)


async def approve_with_wallet(request: Request, services: Services) -> Reply:
    run_id, _, nonce = request.params.partition("|")
    proof = Proof(signature=request.values.get("signature", ""), nonce=nonce)
    return _said(await services.approvals.decide(run_id, request.actor, Verdict.APPROVED, proof=proof))


def _said(text: str) -> Reply:
    return Reply(Document(text, [Text(text)]))


ACTIONS: Mapping[str, ActionHandler] = {
    "run.cancel": cancel_run,
    "run.approve": approve_run,
    "run.deny": opened_already,
    "run.prove": opened_already,
    "run.sign": open_signing,
    "run.was_done": was_done,
    "run.run_again": run_again,
    "run.abort": abort,
    "alert.acknowledge": acknowledge_alert,
    "alert.acknowledge_storm": acknowledge_storm,
    "alert.close": close_alert,
    "alert.silence": silence_alert,
    "alert.silence_until": opened_already,
    "alert.lift": lift_silence,
    "alert.escalate": escalate_alert,
    "alert.declare": declare_incident,
}
SUBMISSIONS: Mapping[str, ActionHandler] = {
    "run.deny": deny_run,
    "run.prove": approve_with_code,
    "run.signed": approve_with_wallet,
    "alert.silence_until": silence_alert_until,
}
