"""The people of the workspace, one a role, and their user groups."""

from typing import Literal

from pydantic import BaseModel

from demo.workspace import Json

Kind = Literal["member", "guest", "deactivated", "bot"]


class Person(BaseModel):
    """A member, guest or bot user; `title` carries the role."""

    id: str
    name: str
    real_name: str
    title: str
    color: str
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    is_invited: bool = False
    deleted: bool = False
    home_team: str = ""
    app_id: str | None = None
    bot_id: str | None = None
    updated_seconds: int = 0

    @property
    def is_bot(self) -> bool:
        return self.bot_id is not None

    @property
    def kind(self) -> Kind:
        if self.deleted:
            return "deactivated"
        if self.is_bot:
            return "bot"
        return "guest" if self.is_restricted else "member"

    def team(self, here: str) -> str:
        """The team a person belongs to: this one, or a stranger's own."""
        return self.home_team or here

    @property
    def email(self) -> str:
        return f"{self.name}@takumi.example"

    def seen_on_page(self) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "real_name": self.real_name,
            "title": self.title,
            "kind": self.kind,
            "avatar_color": f"#{self.color}",
        }

    def slack_shape(self, team_id: str, *, with_email: bool) -> Json:
        """The user object of `users.info`; Slack leaves fields of deactivated people out."""
        shape: Json = {
            "id": self.id,
            "team_id": self.team(team_id),
            "name": self.name,
            "deleted": self.deleted,
            "profile": self._profile(team_id, with_email=with_email),
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": self.updated_seconds,
        }
        return shape if self.deleted else shape | self._living()

    def _living(self) -> Json:
        flags = {"is_admin": False, "is_owner": False, "is_primary_owner": False}
        optional = {"is_stranger": self.is_stranger, "is_invited_user": self.is_invited}
        return {
            "color": self.color,
            "real_name": self.real_name,
            "tz": "Asia/Tokyo",
            "tz_label": "Japan Standard Time",
            "tz_offset": 32400,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            "is_email_confirmed": not self.is_bot,
            "who_can_share_contact_card": "EVERYONE",
            **flags,
            **{name: True for name, value in optional.items() if value},
        }

    def _profile(self, team_id: str, *, with_email: bool) -> Json:
        profile: Json = {
            "title": self.title,
            "real_name": self.real_name,
            "real_name_normalized": self.real_name,
            "display_name": self.name,
            "display_name_normalized": self.name,
            "status_text": "",
            "status_emoji": "",
            "team": self.team(team_id),
        }
        if self.is_bot:
            return profile | {"api_app_id": self.app_id, "bot_id": self.bot_id}
        return profile | {"email": self.email} if with_email else profile


class UserGroup(BaseModel):
    """A user group; the bot's roles point at these."""

    id: str
    handle: str
    name: str
    users: list[str]

    def slack_shape(self, team_id: str, *, with_users: bool) -> Json:
        shape: Json = {
            "id": self.id,
            "team_id": team_id,
            "is_usergroup": True,
            "is_subteam": True,
            "name": self.name,
            "handle": self.handle,
            "description": "",
            "is_external": False,
            "date_create": 0,
            "date_update": 0,
            "date_delete": 0,
            "user_count": len(self.users),
            "prefs": {"channels": [], "groups": []},
        }
        return shape | {"users": list(self.users)} if with_users else shape


def default_people() -> list[Person]:
    return [
        Person(id="U0DEV00001", name="aiko", real_name="Aiko Developer", title="developer", color="3b7dd8"),
        Person(id="U0LEAD0001", name="taro", real_name="Taro Lead", title="team lead", color="2f9e6e"),
        Person(id="U0ENGL0001", name="emi", real_name="Emi Engineering", title="engineering lead", color="b7791f"),
        Person(id="U0CTO00001", name="kenji", real_name="Kenji Chief", title="CTO", color="8e5bd0"),
        Person(id="U0SEC00001", name="sora", real_name="Sora Security", title="security team", color="c2417c"),
        Person(id="U0GUEST001", name="gus", real_name="Gus Guest", title="guest", color="6b7280", is_restricted=True),
        Person(id="U0GONE0001", name="dana", real_name="Dana Gone", title="developer", color="9a3412", deleted=True),
    ]


def default_groups() -> list[UserGroup]:
    return [
        UserGroup(id="S0DEVELOPR", handle="developers", name="Developers", users=["U0DEV00001"]),
        UserGroup(id="S0TEAMLEAD", handle="team-leads", name="Team leads", users=["U0LEAD0001"]),
        UserGroup(id="S0ENGLEAD0", handle="engineering-leads", name="Engineering leads", users=["U0ENGL0001"]),
        UserGroup(id="S0CTO00000", handle="cto", name="CTO", users=["U0CTO00001"]),
        UserGroup(id="S0SECURITY", handle="security", name="Security team", users=["U0SEC00001"]),
    ]
