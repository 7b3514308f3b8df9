"""The manifest: what Slack takes, what the bot needs, and nothing else."""

import ast
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from bot.catalog import load
from bot.domain.errors import RequestError
from bot.slack.manifest import EVENTS, EVENTS_PATH, SCOPES, manifest, to_yaml
from tests.guide import restated

PROJECT = Path(__file__).parents[2]
SCHEMAS = PROJECT.parent / "shared" / "slack"
MANIFESTS = {
    "socket": manifest("socket"),
    "http": manifest("http", url="https://bot.example.com", name="Takumi staging", command="/takumi-staging"),
}
# What each method of the Web API needs, any one of the scopes. Restated from Slack's reference.
METHOD_SCOPES = restated("method_scopes.json")


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
@pytest.mark.parametrize("mode", MANIFESTS)
def test_the_manifest_is_valid_under_slacks_schema(mode: str, version: str) -> None:
    path = SCHEMAS / f"manifest.schema.{version}.json"
    if not path.exists():
        pytest.skip(f"Slack's schema is not at {path}")
    jsonschema.validate(MANIFESTS[mode], json.loads(path.read_text(encoding="utf-8")))


def test_socket_mode_names_no_address() -> None:
    assert MANIFESTS["socket"]["settings"]["socket_mode_enabled"] is True
    assert "url" not in json.dumps(MANIFESTS["socket"])


def test_http_mode_sends_everything_to_the_one_address_that_the_bot_serves() -> None:
    made, address = MANIFESTS["http"], f"https://bot.example.com{EVENTS_PATH}"
    assert made["settings"]["socket_mode_enabled"] is False
    assert made["settings"]["event_subscriptions"]["request_url"] == address
    assert made["settings"]["interactivity"]["request_url"] == address
    assert made["features"]["slash_commands"][0]["url"] == address


def test_a_second_bot_has_its_own_name_and_command() -> None:
    assert MANIFESTS["http"]["display_information"]["name"] == "Takumi staging"
    assert [one["command"] for one in MANIFESTS["http"]["features"]["slash_commands"]] == ["/takumi-staging"]


@pytest.mark.parametrize("url", ["", "bot.example.com", "ftp://bot.example.com", "http://bot.example.com"])
def test_an_address_that_slack_cannot_reach_is_refused_with_advice(url: str) -> None:
    with pytest.raises(RequestError) as refused:
        manifest("http", url=url)
    assert "https://" in refused.value.hint


@pytest.mark.parametrize("command", ["takumi", "/", "/Takumi", "/takumi now", "/" + "t" * 32])
def test_a_command_that_slack_would_not_take_is_refused(command: str) -> None:
    with pytest.raises(RequestError):
        manifest("socket", command=command)


def test_the_committed_manifest_is_the_one_for_socket_mode() -> None:
    assert (PROJECT / "manifest.yml").read_text(encoding="utf-8") == to_yaml(MANIFESTS["socket"])


def test_yaml_and_json_say_the_same() -> None:
    assert yaml.safe_load(to_yaml(MANIFESTS["http"])) == MANIFESTS["http"]


METHOD = re.compile(
    r"(?:apps|auth|bookmarks|chat|conversations|files|pins|reactions|usergroups|users|views)\.[A-Za-z.]+"
)


def methods_called() -> set[str]:
    """Every method of the Web API whose name stands in the bot as a string of its own."""
    found: set[str] = set()
    for path in (PROJECT / "bot").rglob("*.py"):
        # limits.py knows the tiers of more methods than are called.
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if path.name != "limits.py" else ():
            if isinstance(node, ast.Constant) and METHOD.fullmatch(str(node.value)):
                found.add(str(node.value))
            if isinstance(node, ast.Attribute) and node.attr == "files_upload_v2":
                found |= {"files.getUploadURLExternal", "files.completeUploadExternal"}
    return found - {"files.upload"}  # the name under which errors of files_upload_v2 are reported


def test_every_method_that_the_bot_calls_has_a_scope() -> None:
    missing = {
        method: METHOD_SCOPES[method]
        for method in methods_called()
        if METHOD_SCOPES[method] and not set(METHOD_SCOPES[method]) & set(SCOPES)
    }
    assert not missing


def test_every_scope_is_needed() -> None:
    needed = {scope for method in methods_called() for scope in METHOD_SCOPES[method]} | {"commands"}
    needed |= {"app_mentions:read"} if "app_mention" in EVENTS else set()
    assert set(SCOPES) - needed == set()


def test_every_event_is_read() -> None:
    text = (PROJECT / "bot" / "slack" / "payloads.py").read_text(encoding="utf-8")
    assert [event for event in EVENTS if f'"{event}"' not in text] == []


def test_the_hint_names_commands_that_exist() -> None:
    families = {family.name: family for family in load().families}
    for words in MANIFESTS["socket"]["features"]["slash_commands"][0]["usage_hint"].split(" | "):
        name, _, verb = words.partition(" ")
        assert families[name].find(verb) is not None, words


def test_the_restated_scopes_are_those_of_slacks_reference() -> None:
    path = SCHEMAS / "web-api-reference.json"
    if not path.exists():
        pytest.skip(f"Slack's reference is not at {path}")
    reference = json.loads(path.read_text(encoding="utf-8"))
    methods = reference.get("methods", reference)
    assert {name: sorted(methods[name]["bot_scopes"] or []) for name in METHOD_SCOPES} == METHOD_SCOPES


def test_the_documents_give_every_scope_with_its_reason() -> None:
    text = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z_.]+(?::[a-z]+)?)` \| (.+?) \|$", text, re.MULTILINE))
    assert {scope: rows.get(scope) for scope in SCOPES} == dict(SCOPES)
