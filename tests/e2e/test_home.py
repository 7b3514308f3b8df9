"""The Home tab and the launcher, as people meet them."""

import asyncio
from datetime import timedelta

from demo.workspace import Json
from demo.workspace.client import Person, Workspace, visible_text
from tests.e2e.bots import BotUnderTest
from tests.e2e.product import STAGING_DATABASE
from tests.e2e.threads import ask_for, facts_of, heads, new_run

PATIENCE = timedelta(seconds=30)


async def home_of(person: Person, bot: BotUnderTest, wanted: str) -> str:
    """What somebody reads there once it says `wanted`; opened again and again, as people do."""
    said = ""
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while wanted not in said:
            await person.open_home(bot.credentials["app_id"])
            await asyncio.sleep(0.3)
            view = await person.home()
            said = visible_text(view) if view else ""
    return said


async def form_after(person: Person, view: Json) -> Json:
    """The modal that followed another one."""
    return await person.wait_for_view(lambda found: found.get("callback_id") == "runbook" and found["id"] == view["id"])


async def test_home_says_what_waits_what_runs_what_is_broken_and_what_comes(
    socket_bot: BotUnderTest, people: Workspace
) -> None:
    said = await home_of(people.person("Aiko"), socket_bot, "Waits for you")
    for heading in ("Waits for you", "Runs now", "Broken", "Comes"):
        assert heading in said
    assert "Database backup" in said
    assert "Back a database up" in said


async def test_a_request_stands_in_the_home_of_who_may_decide_and_not_of_who_asked(
    socket_bot: BotUnderTest, people: Workspace
) -> None:
    aiko, emi = people.person("Aiko"), people.person("Emi")
    backup = await ask_for(aiko, socket_bot, f"backup now {STAGING_DATABASE} --to local")
    file = facts_of(await backup.waits_for("result"))["File"].rpartition("/")[2]
    run = await ask_for(aiko, socket_bot, f"restore {file} {STAGING_DATABASE}")
    await run.says("waits for approval")
    said = await home_of(emi, socket_bot, f"{STAGING_DATABASE} (")
    assert file in said.partition("Runs now")[0]
    assert file not in (await home_of(aiko, socket_bot, "for others")).partition("Runs now")[0]
    await run.cancel()
    await home_of(emi, socket_bot, "Nothing waits for you.")


async def test_a_guest_is_told_so_and_sees_nothing(socket_bot: BotUnderTest, people: Workspace) -> None:
    said = await home_of(people.person("Gus"), socket_bot, "You cannot use this bot")
    assert "Waits for you" not in said


async def test_the_bare_command_opens_a_launcher_and_leads_to_the_form(
    socket_bot: BotUnderTest, people: Workspace
) -> None:
    aiko = people.person("Aiko")
    before = await heads(aiko, socket_bot)
    assert (await aiko.command(socket_bot.command, socket_bot.channel))["ok"]
    view = await aiko.wait_for_view(lambda found: found.get("callback_id") == "launcher.chosen")
    assert (await aiko.submit(view, {"what": "runbook:backup-database"}))["ok"]
    form = await form_after(aiko, view)
    assert (await aiko.submit(form, {"database": STAGING_DATABASE, "to": "local"}))["ok"]
    run = await new_run(aiko, socket_bot, before)
    await run.waits_for("result")


async def test_a_look_is_answered_in_the_launcher_itself(socket_bot: BotUnderTest, people: Workspace) -> None:
    aiko = people.person("Aiko")
    await aiko.command(socket_bot.command, socket_bot.channel)
    view = await aiko.wait_for_view(lambda found: found.get("callback_id") == "launcher.chosen")
    await aiko.submit(view, {"what": "command:schedule"})
    answered = await aiko.wait_for_view(lambda found: "What happens by itself" in visible_text(found))
    await aiko.close(answered, all_views=True)


async def test_a_button_of_home_opens_a_runbook_whose_run_is_shown_in_the_alerts_channel(
    socket_bot: BotUnderTest, people: Workspace
) -> None:
    aiko = people.person("Aiko")
    before = await heads(aiko, socket_bot)
    await home_of(aiko, socket_bot, "Back a database up")
    view = await aiko.home()
    assert view is not None
    await aiko.act(view, "Back a database up")
    form = await aiko.wait_for_view(lambda found: found.get("callback_id") == "runbook")
    await aiko.submit(form, {"database": STAGING_DATABASE, "to": "local"})
    run = await new_run(aiko, socket_bot, before)
    await run.waits_for("result")
