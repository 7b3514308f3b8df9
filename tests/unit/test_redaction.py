"""Secrets leave the bot nowhere."""

import pytest

from bot.domain.redaction import MARK, Redactor


@pytest.mark.parametrize(
    "text",
    [
        "the password is s3cret-value!",
        "postgresql://takumi:other@db/takumi",
        "https://user:pa55@rpc.example/v2",
        "token xoxb-123456789-abcdef",
        "token xapp-1-A0-123-abcdef",
    ],
)
def test_known_values_url_credentials_and_slack_tokens_are_taken_out(text: str) -> None:
    shown = Redactor(["s3cret-value!"]).text(text)
    assert MARK in shown
    for secret in ("s3cret-value!", "other", "pa55", "xoxb-1", "xapp-1"):
        assert secret not in shown


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert Redactor(["secret", "secret-longer"]).text("secret-longer") == MARK


def test_lists_mappings_and_keys_are_looked_into() -> None:
    redactor = Redactor(["hunter22"])
    assert redactor.value({"hunter22": ["x hunter22", {"a": "hunter22"}], "n": 1}) == {
        MARK: [f"x {MARK}", {"a": MARK}],
        "n": 1,
    }


def test_values_too_short_to_be_told_from_words_are_left_alone() -> None:
    assert Redactor(["a", ""]).text("a cat") == "a cat"
