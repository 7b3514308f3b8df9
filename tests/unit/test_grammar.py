"""The words people type."""

import pytest
from pydantic import Field

from bot.domain import grammar
from bot.domain.errors import RequestError
from bot.domain.grammar import fill, split, take_apart, usage
from bot.domain.params import Params


class Restore(Params):
    """An example."""

    backup: str
    database: str = "takumi_staging"
    keep_days: int = Field(30, ge=1, le=90)
    force: bool = False


def restore(text: str) -> Restore:
    return fill(Restore, take_apart(split(text)), ("backup",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("latest", {"backup": "latest"}),
        ("latest database=takumi", {"backup": "latest", "database": "takumi"}),
        ("latest --database takumi --keep-days 7", {"backup": "latest", "database": "takumi", "keep_days": 7}),
        ("--backup=latest --force", {"backup": "latest", "force": True}),
        ('"a b.sql.gz"', {"backup": "a b.sql.gz"}),
        ("\u201ca b.sql.gz\u201d \u2014force", {"backup": "a b.sql.gz", "force": True}),
        ("latest --force --database takumi", {"backup": "latest", "force": True, "database": "takumi"}),
    ],
)
def test_words_fill_parameters(text: str, expected: dict[str, object]) -> None:
    assert restore(text).model_dump(exclude_defaults=True) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "backup is missing"),
        ("latest extra", "'extra' means here"),
        ("latest databse=x", "did you mean 'database'"),
        ("latest backup=other", "backup is given twice"),
        ("latest --keep-days 7 keep_days=8", "keep_days is given twice"),
        ("latest --keep-days soon", "keep_days: "),
        ("latest --keep-days 91", "less than or equal to 90"),
        ("latest 'open", "No closing quotation"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_the_reason(text: str, complaint: str) -> None:
    with pytest.raises(RequestError, match=complaint):
        restore(text)


def test_every_wrong_field_is_named_for_the_modal() -> None:
    with pytest.raises(RequestError) as caught:
        restore("latest --keep-days 0 --colour red")
    assert set(caught.value.fields) == {"keep_days", "colour"}


def test_usage_shows_what_is_optional() -> None:
    assert usage(Restore, ("backup",)) == "<backup> [--database <database>] [--keep-days <keep_days>] [--force]"


def test_a_bare_because_begins_a_sentence_that_lasts_to_the_end() -> None:
    words = grammar.take_apart(("18:00", "Because", "the", "load=high", "--now"), ("because",))
    assert words == grammar.Words(("18:00",), {"because": "the load=high --now"})


def test_where_no_sentence_is_known_because_is_a_word() -> None:
    assert grammar.take_apart(("because", "it")).positional == ("because", "it")
