"""What the doctor says of scopes and machines."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.config import Settings, SlackMode
from bot.doctor import slack
from bot.doctor.findings import Finding, Wrong
from bot.doctor.words import machine_words
from bot.domain.errors import RequestError
from bot.slack.manifest import SCOPES

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ takumi-bot@ops"
REACHED = {"host": "web-1", "user": "takumi", "key_file": "/run/keys/ssh", "known_hosts": "/etc/takumi/known_hosts"}


def bot_with(scopes: frozenset[str]) -> Any:
    async def seen() -> frozenset[str]:
        return scopes

    return SimpleNamespace(chat=SimpleNamespace(scopes=seen), settings=SimpleNamespace(slack_mode=SlackMode.SOCKET))


async def test_scopes_that_drifted_from_the_manifest_are_named_either_way() -> None:
    assert "as in the manifest" in await slack.scopes(bot_with(frozenset(SCOPES)))
    with pytest.raises(Wrong, match="The app lacks users:read: Every request looks afresh") as caught:
        await slack.scopes(bot_with(frozenset(SCOPES) - {"users:read"}))
    assert "python -m bot manifest --socket" in caught.value.hint
    with pytest.raises(Wrong, match="may do more than it needs: admin"):
        await slack.scopes(bot_with(frozenset(SCOPES) | {"admin"}))


def settings(executor: str) -> Settings:
    target: dict[str, Any] = {
        "name": "web-1",
        "kind": "web",
        "environment": "staging",
        "executor": executor,
        "services": ["nginx"],
        "verbs": ["status", "reload"],
        "ssh": REACHED,
    }
    own: dict[str, Any] = {"database_url": "postgresql://b@h/b", "slack_bot_token": "xoxb-1", "channel": "C0ALERTS01"}
    return Settings(**own, targets=[target])


def test_a_machine_gets_one_line_and_one_script_and_only_for_ssh(tmp_path: Path) -> None:
    key = tmp_path / "key.pub"
    key.write_text(f"{PUBLIC}\n", encoding="utf-8")
    said = machine_words(settings("ssh"), "web-1", key, "/usr/bin")
    assert f'command="/usr/local/lib/takumi-bot/web-1",restrict {PUBLIC}' in said
    assert "'systemctl reload nginx') exec systemctl reload nginx ;;" in said
    assert "~takumi/.ssh/authorized_keys" in said
    with pytest.raises(RequestError, match="has no 'web-1' that is reached by ssh"):
        machine_words(settings("local"), "web-1", key, "/usr/bin")
    with pytest.raises(RequestError, match="is not there"):
        machine_words(settings("ssh"), "web-1", tmp_path / "nothing", "/usr/bin")


def test_a_finding_says_what_mends_it_and_what_can_be_pasted() -> None:
    wrong = Finding("backup folder", well=False, told="It is not there.", advice="Make it.", commands=("mkdir /b",))
    assert str(wrong) == "WRONG  backup folder: It is not there.\n       Make it.\n       $ mkdir /b"
    assert wrong.as_json()["can_fix"] is False
