"""Modals made from a runbook's parameter model."""

import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bot.domain.documents import FieldKind, Form, FormField
from bot.domain.risk import Risk
from bot.domain.runbooks import Runbook
from bot.domain.runs import Origin
from bot.services.ports import Tools

Choices = Mapping[str, tuple[tuple[str, str], ...]]

DENY = Form(
    title="Deny this request",
    submit="Deny",
    callback="run.deny",
    fields=(FormField("reason", "Why?", "The requester and the trail are told."),),
)


PROVE = Form(
    title="Approve with a code",
    submit="Approve",
    callback="run.prove",
    fields=(FormField("code", "The code that your app shows", "Six digits; each is good once."),),
    note="You approve exactly the plan on the card.",
)
SILENCE = Form(
    title="Silence this alert",
    submit="Silence",
    callback="alert.silence_until",
    fields=(
        FormField("until", "Until when?", "2h, 18:00 or 2026-11-30T18:00; 7 days at most."),
        FormField("reason", "Why?", "Alertmanager and the trail are told."),
    ),
    note="Alertmanager tells nobody of it until then, and nobody is called.",
)
SIGN_TITLE = "Approve with a wallet"


def sign_form(run_id: str, nonce: str, text: str, line: str, channel: str) -> Form:
    """The modal that shows what a wallet signs, and takes the signature; it is answered beside the card."""
    about = (("value", f"{run_id}|{nonce}"), ("channel", channel))
    field = FormField("signature", "Signature", "0x and 130 hex digits.")
    note = f"Save this as request.json, sign it with\n{line}\nand paste the signature.\n{text}"
    return Form(SIGN_TITLE, "Approve", "run.signed", (field,), note, about)


@dataclass(frozen=True)
class Opening:
    """A modal to open while a trigger lives: without a form it says "loading" until the job fills it."""

    title: str
    form: Form | None = None


# What a request says beside its runbook's parameters.
BESIDE = ("confirm", "break_glass")
_CONFIRM = FormField(
    "confirm", "Type the target's name", "Needed in production, and where its rules hold.", optional=True
)
_GLASS = FormField(
    "break_glass", "Break glass, because", "In an open P0 or P1 alone: one approval less, and loud.", optional=True
)


def without_beside(values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The parameters, and what is said beside them."""
    own = {name: value for name, value in values.items() if name not in BESIDE}
    return own, {name: values[name] for name in BESIDE if name in values}


async def form_of(
    runbook: Runbook, tools: Tools, origin: Origin, initial: Mapping[str, str], *, glass: bool = False
) -> Form:
    """The runbook's modal, its selects filled from a look at the platform. Raises: OperationFailed."""
    choices: Choices = await runbook.choices(tools.for_look_up()) if runbook.choices else {}
    fields = tuple(
        field_of(name, info, choices.get(name, ()), initial.get(name, ""))
        for name, info in runbook.params.model_fields.items()
    )
    beside = ((_CONFIRM,) if runbook.risk is Risk.DESTRUCTIVE else ()) + ((_GLASS,) if glass else ())
    about = (("value", runbook.name), ("channel", origin.channel), ("thread", origin.thread))
    return Form(runbook.title, "Ask for it", "runbook", (*fields, *beside), runbook.summary, about)


def field_of(name: str, info: FieldInfo, choices: tuple[tuple[str, str], ...], initial: str) -> FormField:
    """One parameter as an input."""
    kind, own_choices = _kind(info.annotation)
    offered = choices or own_choices
    return FormField(
        name=name,
        label=(info.title or name.replace("_", " ")).capitalize(),
        hint=info.description or "",
        kind=FieldKind.CHOICE if offered else kind,
        choices=offered,
        initial=initial or _default(info),
        optional=not info.is_required(),
    )


def _kind(annotation: Any) -> tuple[FieldKind, tuple[tuple[str, str], ...]]:
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [part for part in get_args(annotation) if part is not type(None)]
        return _kind(inner[0]) if len(inner) == 1 else (FieldKind.TEXT, ())
    if get_origin(annotation) is Literal:
        return FieldKind.CHOICE, tuple((str(value), str(value)) for value in get_args(annotation))
    if annotation is bool:
        return FieldKind.CHOICE, (("true", "yes"), ("false", "no"))
    return (FieldKind.NUMBER if annotation is int else FieldKind.TEXT), ()


def _default(info: FieldInfo) -> str:
    if info.default is PydanticUndefined or info.default is None:
        return ""
    return str(info.default).lower() if isinstance(info.default, bool) else str(info.default)
