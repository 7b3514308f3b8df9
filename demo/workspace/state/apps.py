"""Installed apps: their tokens, and what their manifest lets them do."""

import re

from pydantic import BaseModel

from demo.workspace import Json, identifiers
from demo.workspace.state import manifests
from demo.workspace.state.people import Person


class InstalledApp(BaseModel):
    """An app as installed: the manifest is its permission slip and is read anew on every use."""

    id: str
    manifest: Json
    bot_user_id: str
    bot_id: str
    bot_token: str
    app_token: str
    signing_secret: str
    verification_token: str

    @property
    def name(self) -> str:
        return str(manifests.section(self.manifest, "display_information")["name"])

    @property
    def bot_name(self) -> str:
        return str(manifests.section(self.manifest, "features", "bot_user").get("display_name", self.name))

    @property
    def scopes(self) -> list[str]:
        return manifests.scopes(self.manifest)

    @property
    def uses_socket_mode(self) -> bool:
        return manifests.uses_socket_mode(self.manifest)

    @property
    def is_interactive(self) -> bool:
        return bool(manifests.section(self.manifest, "settings", "interactivity").get("is_enabled"))

    @property
    def has_home(self) -> bool:
        return bool(manifests.section(self.manifest, "features", "app_home").get("home_tab_enabled"))

    @property
    def commands(self) -> list[Json]:
        return manifests.listed(self.manifest, "features", "slash_commands")

    @property
    def shortcuts(self) -> list[Json]:
        return manifests.listed(self.manifest, "features", "shortcuts")

    def command(self, name: str) -> Json | None:
        return next((c for c in self.commands if c["command"] == name), None)

    def hears(self, event: str) -> bool:
        """True when the manifest subscribes to the event; installation made sure of the scope for it."""
        return event in manifests.bot_events(self.manifest)

    @property
    def events_url(self) -> str:
        return str(manifests.section(self.manifest, "settings", "event_subscriptions").get("request_url", ""))

    @property
    def interactivity_url(self) -> str:
        return str(manifests.section(self.manifest, "settings", "interactivity").get("request_url", ""))

    @property
    def options_url(self) -> str:
        own = manifests.section(self.manifest, "settings", "interactivity").get("message_menu_options_url")
        return str(own or self.interactivity_url)

    def bot_profile(self, team_id: str) -> Json:
        """What a message carries about the bot that wrote it."""
        return {
            "id": self.bot_id,
            "app_id": self.id,
            "name": self.bot_name,
            "icons": {},
            "deleted": False,
            "updated": 0,
            "team_id": team_id,
        }

    def credentials(self, team_id: str) -> Json:
        """What the person who installs it copies into the bot's settings."""
        return {
            "app_id": self.id,
            "app_token": self.app_token,
            "bot_token": self.bot_token,
            "signing_secret": self.signing_secret,
            "bot_user_id": self.bot_user_id,
            "team_id": team_id,
        }

    def bot_user(self) -> Person:
        handle = re.sub(r"[^\w.-]+", "-", self.bot_name.lower()).strip("-")
        return Person(
            id=self.bot_user_id,
            name=handle,
            real_name=self.bot_name,
            title="app",
            color="0f766e",
            app_id=self.id,
            bot_id=self.bot_id,
        )


def mint(manifest: Json) -> InstalledApp:
    """A first installation, with fresh ids and secrets."""
    app_id = identifiers.identifier("A")
    return InstalledApp(
        id=app_id,
        manifest=manifest,
        bot_user_id=identifiers.identifier("U"),
        bot_id=identifiers.identifier("B"),
        bot_token=identifiers.bot_token(),
        app_token=identifiers.app_token(app_id),
        signing_secret=identifiers.signing_secret(),
        verification_token=identifiers.signing_secret()[:24],
    )
