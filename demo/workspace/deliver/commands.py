"""Slash commands, from the composer to the app and back."""

from demo.workspace import Json
from demo.workspace.deliver.deliveries import Ack, Deliveries, Parcel
from demo.workspace.deliver.responses import Responses
from demo.workspace.deliver.triggers import Triggers
from demo.workspace.errors import SlackError
from demo.workspace.state.apps import InstalledApp
from demo.workspace.state.channels import Channel
from demo.workspace.state.people import Person
from demo.workspace.state.world import ResponseAddress, World
from demo.workspace.writing import escaped, with_mentions

FAILURES = {
    "dispatch_failed": '{command} failed with the error "dispatch_failed": the app is not connected or refused it.',
    "operation_timeout": '{command} failed with the error "operation_timeout": the app did not answer in 3 seconds.',
    "invalid_command_response": '{command} failed with the error "invalid_command_response".',
}


class Commands:
    """Runs what a person typed after a slash."""

    def __init__(self, world: World, deliveries: Deliveries, triggers: Triggers, responses: Responses) -> None:
        self._world, self._deliveries = world, deliveries
        self._triggers, self._responses = triggers, responses

    async def run(self, person: Person, channel: Channel, typed: str) -> Json:
        """`typed` starts with the slash. Answers `{"ok", "error"?, "text"?}`, as the person is told."""
        command, _, text = typed.strip().partition(" ")
        app = self._world.app_for_command(command)
        if app is None:
            return {"ok": False, "error": "unknown_command", "text": f"{command} is not a valid command."}
        declared = app.command(command) or {}
        said = with_mentions(self._world, escaped(text)) if declared.get("should_escape") else text
        payload = self._payload(app, person, channel, command, said.strip())
        url = str(declared.get("url", ""))
        ack = await self._deliveries.hand_over(app, Parcel("slash_commands", payload, url))
        if ack.ok and ack.payload:
            ack = self._show_answer(ack, app, person, channel)
        if ack.ok:
            return {"ok": True}
        return {"ok": False, "error": ack.error, "text": FAILURES[ack.error].format(command=command)}

    def _show_answer(self, ack: Ack, app: InstalledApp, person: Person, channel: Channel) -> Ack:
        """An acknowledgement with a body is a first answer, private unless it says `in_channel`."""
        address = ResponseAddress(
            id="", app_id=app.id, user=person.id, channel=channel.id, expires_seconds=self._world.clock.now()
        )
        try:
            self._responses.apply(address, ack.payload)
        except SlackError:
            return Ack(ok=False, error="invalid_command_response")
        return ack

    def _payload(self, app: InstalledApp, person: Person, channel: Channel, command: str, text: str) -> Json:
        return {
            "token": app.verification_token,
            "team_id": self._world.state.team_id,
            "team_domain": "takumi-local",
            "channel_id": channel.id,
            "channel_name": "directmessage" if channel.is_im else channel.name,
            "user_id": person.id,
            "user_name": person.name,
            "command": command,
            "text": text,
            "api_app_id": app.id,
            "is_enterprise_install": "false",
            "response_url": self._responses.mint(app, person.id, channel.id),
            "trigger_id": self._triggers.mint(app.id, person.id),
        }
