"""Who fills which role: user groups by one reading, static lists, and plans without user groups."""

from collections.abc import Mapping
from typing import Any

import pytest

from bot.domain.errors import OperationFailed
from bot.domain.people import Role
from bot.slack import membership
from bot.slack.membership import Membership, standing


class Slack:
    """Answers `usergroups.list`, and counts."""

    def __init__(self) -> None:
        self.calls = 0
        self.groups: dict[str, list[str]] = {"SLEADS": ["UEMI"]}
        self.error = ""

    async def call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        assert (method, arguments) == ("usergroups.list", {"include_users": True})
        self.calls += 1
        if self.error:
            raise OperationFailed("refused", error=self.error)
        return {"usergroups": [{"id": name, "users": users} for name, users in self.groups.items()]}


def of(slack: Slack, **roles: tuple[str, ...]) -> Membership:
    return Membership({Role(name): ids for name, ids in roles.items()}, slack.call)


async def test_a_role_is_filled_by_a_group_or_by_a_list() -> None:
    slack = Slack()
    members = of(slack, engineering_lead=("SLEADS",), cto=("UKEN",))
    assert await members.roles("UEMI") == {Role.ENGINEERING_LEAD}
    assert await members.roles("UKEN") == {Role.CTO}
    assert await members.roles("USOMEBODY") == frozenset()
    assert slack.calls == 1, "one reading serves all"


async def test_somebody_removed_from_the_group_is_noticed_by_a_fresh_look(monkeypatch: pytest.MonkeyPatch) -> None:
    slack = Slack()
    members = of(slack, engineering_lead=("SLEADS",))
    await members.roles("UEMI")
    slack.groups["SLEADS"] = []
    assert await members.roles("UEMI") == {Role.ENGINEERING_LEAD}
    monkeypatch.setattr(membership, "FRESH_SECONDS", 0.0)
    assert await members.roles("UEMI", fresh=True) == frozenset()


async def test_static_lists_need_no_call() -> None:
    slack = Slack()
    assert await of(slack, cto=("UKEN",)).members(Role.CTO) == {"UKEN"}
    assert slack.calls == 0


async def test_a_plan_without_user_groups_leaves_the_static_lists() -> None:
    slack = Slack()
    slack.error = "plan_upgrade_required"
    members = of(slack, cto=("UKEN", "SLEADS"))
    assert await members.members(Role.CTO) == {"UKEN"}


async def test_another_refusal_is_told_and_grants_nothing() -> None:
    slack = Slack()
    slack.error = "missing_scope"
    with pytest.raises(OperationFailed):
        await of(slack, cto=("SLEADS",)).roles("UEMI")


@pytest.mark.parametrize(
    "flags",
    [
        {"deleted": True},
        {"is_bot": True},
        {"is_restricted": True},
        {"is_ultra_restricted": True},
        {"is_stranger": True},
        {"is_invited_user": True},
        {"team_id": "T2"},
    ],
)
def test_who_is_not_a_full_member_here_is_refused(flags: dict[str, Any]) -> None:
    assert standing({"team_id": "T1"} | flags, "T1")
    assert standing({"team_id": "T1"}, "T1") == ""
