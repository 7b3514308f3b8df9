"""From Slack's payloads to deliveries: Slack's own stable id, and nothing the bot has no use for."""

import json
from typing import Any

import pytest

from bot.services.incoming import Incoming
from bot.services.rows import DeliveryKind
from bot.slack.payloads import read

COMMAND = {
    "command": "/takumi",
    "text": " backup now ",
    "team_id": "T1",
    "user_id": "U1",
    "channel_id": "C1",
    "trigger_id": "1.2.3",
    "response_url": "https://hooks/1",
    "token": "verification-token",
}
ACTION: dict[str, Any] = {
    "type": "block_actions",
    "trigger_id": "4.5.6",
    "user": {"id": "U1", "team_id": "T1"},
    "team": {"id": "T1"},
    "channel": {"id": "C1"},
    "message": {"ts": "10.1", "thread_ts": "9.1"},
    "actions": [{"action_id": "run.cancel#2", "value": "r1", "action_ts": "11.1"}],
    "response_url": "https://hooks/2",
}
SUBMISSION: dict[str, Any] = {
    "type": "view_submission",
    "user": {"id": "U1", "team_id": "T1"},
    "view": {
        "id": "V1",
        "hash": "h1",
        "callback_id": "runbook",
        "private_metadata": json.dumps({"value": "restore-database", "channel": "C1"}),
        "state": {
            "values": {
                "backup": {"value": {"type": "static_select", "selected_option": {"value": "latest"}}},
                "note": {"value": {"type": "plain_text_input", "value": None}},
            }
        },
    },
}
MENTION: dict[str, Any] = {
    "type": "event_callback",
    "event_id": "Ev1",
    "team_id": "T1",
    "event": {
        "type": "app_mention",
        "user": "U1",
        "text": "<@UBOT> backup list &amp; more",
        "ts": "5.5",
        "channel": "C1",
    },
}


@pytest.mark.parametrize(
    ("body", "kind", "key"),
    [
        (COMMAND, DeliveryKind.COMMAND, "1.2.3"),
        (ACTION, DeliveryKind.ACTION, "4.5.6:11.1"),
        (SUBMISSION, DeliveryKind.SUBMISSION, "V1:h1"),
        (MENTION, DeliveryKind.MENTION, "Ev1"),
    ],
)
def test_each_kind_is_known_by_slacks_own_id_and_reads_back(body: Any, kind: DeliveryKind, key: str) -> None:
    delivery = read(body)
    assert delivery is not None
    assert (delivery.kind, delivery.key) == (kind, key)
    incoming = Incoming.model_validate(dict(delivery.payload))
    assert (incoming.user, incoming.channel) == ("U1", "C1")


def test_a_buttons_number_in_its_row_is_no_part_of_its_action() -> None:
    delivery = read(ACTION)
    assert delivery is not None
    assert delivery.payload["action"] == "run.cancel"


def test_the_verification_token_is_not_stored() -> None:
    delivery = read(COMMAND)
    assert delivery is not None
    assert "verification-token" not in json.dumps(dict(delivery.payload))


def test_fields_left_empty_are_left_out_so_that_defaults_stand() -> None:
    delivery = read(SUBMISSION)
    assert delivery is not None
    assert delivery.payload["values"] == {"backup": "latest"}
    assert delivery.payload["value"] == "restore-database"


def test_a_mention_is_read_without_the_mention_and_answers_in_its_thread() -> None:
    delivery = read(MENTION)
    assert delivery is not None
    assert delivery.payload["text"] == "backup list & more"
    assert delivery.payload["thread"] == "5.5"


@pytest.mark.parametrize(
    "body",
    [
        {"type": "url_verification", "challenge": "x"},
        {"type": "event_callback", "event_id": "E", "event": {"type": "message", "text": "hello"}},
        {"type": "event_callback", "event_id": "E", "event": {"type": "app_mention", "bot_id": "B1", "text": "loop"}},
    ],
)
def test_what_the_bot_has_no_use_for_is_not_taken(body: Any) -> None:
    assert read(body) is None
