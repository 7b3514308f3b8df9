"""The launcher offers what somebody may start, and nothing else."""

import pytest

from bot.domain.catalog import Catalog
from bot.domain.commands import Command, Family
from bot.domain.documents import Document, Reply
from bot.domain.params import Params
from bot.domain.people import Person, Role
from bot.domain.plans import Step
from bot.domain.risk import Risk
from bot.domain.runs import Origin
from bot.services.launcher import chosen, launcher_form
from tests.fakes import Scripted, catalog_of, runbook


class Needs(Params):
    """A look that cannot be had by itself."""

    number: int


async def _answer(*_: object) -> Reply:
    return Reply(Document("seen"))


FAMILY = Family(
    "thing",
    "Things.",
    (
        Command("look", "Look.", _answer),
        Command("show", "Show one.", _answer, Needs),
        Command("change", "Change.", _answer, risk=Risk.ROUTINE),
    ),
)
CATALOG = Catalog((FAMILY,), catalog_of(runbook(Step("one", "One", Scripted("one")))).runbooks)
DEVELOPER = Person("U1", "T1", "Aiko", roles=frozenset({Role.DEVELOPER}))
NOBODY = Person("U2", "T1", "Nell")


def offered(person: Person) -> list[str]:
    (field,) = launcher_form(CATALOG, person, Origin("C1", "5.5")).fields
    return [value for value, _ in field.choices]


def test_who_fills_a_role_is_offered_runbooks_first_and_looks_that_need_nothing():
    assert offered(DEVELOPER) == ["runbook:try-a-thing", "command:thing look"]


def test_who_fills_no_role_is_offered_looks_alone():
    assert offered(NOBODY) == ["command:thing look"]


def test_the_form_remembers_where_it_was_asked_for():
    assert dict(launcher_form(CATALOG, DEVELOPER, Origin("C1", "5.5")).about) == {"channel": "C1", "thread": "5.5"}


@pytest.mark.parametrize(
    ("what", "meant"),
    [
        ("runbook:try-a-thing", ("runbook", "try-a-thing")),
        ("command:thing look", ("command", "thing look")),
        ("", ("", "")),
    ],
)
def test_what_was_chosen_is_a_runbook_or_words(what: str, meant: tuple[str, str]):
    assert chosen({"what": what}) == meant
