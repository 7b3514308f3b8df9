"""The workspace's page in a real browser, with an unmodified Bolt app at the other end."""

import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect
from slack_sdk.web.async_client import AsyncWebClient

from demo.workspace.client import Workspace
from demo.workspace.server import Running, running_workspace
from demo.workspace.state import messages
from tests.e2e.block_gallery import BLOCKS, types_shown
from tests.e2e.page_app import ALERTS, MANIFEST, REFUSAL, connected_app

pytestmark = pytest.mark.asyncio(loop_scope="module")

AIKO, TARO, DANA = "U0DEV00001", "U0LEAD0001", "U0GONE0001"
SCHEMA = Path(__file__).parents[3] / "shared" / "slack" / "blocks.schema.json"
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("NOT TESTED: the page needs a chromium on PATH (apt-get install chromium)")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=program, args=SWITCHES)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="module")
async def running() -> AsyncIterator[Running]:
    async with running_workspace() as workspace:
        yield workspace


@pytest_asyncio.fixture(loop_scope="module")
async def credentials(running: Running) -> dict[str, str]:
    async with Workspace(running.url, running.token) as workspace:
        return await workspace.install(MANIFEST)


@pytest_asyncio.fixture(loop_scope="module")
async def app(running: Running, credentials: dict[str, str]) -> AsyncIterator[AsyncWebClient]:
    async with connected_app(running, credentials) as client:
        yield client


class Windows:
    """Opens the page as somebody; every script error there fails the test."""

    def __init__(self, browser: Browser, running: Running, stack: AsyncExitStack) -> None:
        self._browser, self._running, self._stack = browser, running, stack
        self.errors: list[str] = []

    async def __call__(self, person: str = AIKO, **place: str) -> Page:
        context = await self._browser.new_context(viewport={"width": 1280, "height": 860})
        self._stack.push_async_callback(context.close)
        context.set_default_timeout(10_000)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        where = "&".join(f"{name}={value}" for name, value in {"as": person, "channel": ALERTS, **place}.items())
        await page.goto(f"{self._running.url}#{where}")
        await expect(page.locator("#connection")).to_have_text("live")
        return page


@pytest_asyncio.fixture(loop_scope="module")
async def window(browser: Browser, running: Running) -> AsyncIterator[Windows]:
    async with AsyncExitStack() as stack:
        opened = Windows(browser, running, stack)
        yield opened
    assert opened.errors == []


def place_message(running: Running, **content: Any) -> str:
    """Put a message behind the wire, as no validated call could; answers its `ts`."""
    world = running.stand_in.world
    channel = world.state.channels[ALERTS]
    ts = channel.next_ts(world.clock.now())
    messages.post(channel, {"type": "message", "user": TARO, "text": "", "ts": ts, **content})
    world.changed(channel=ALERTS)
    return ts


async def type_in(page: Page, text: str) -> None:
    composer = page.get_by_label("Message #takumi-alerts")
    await composer.fill(text)
    await composer.press("Enter")


async def test_the_page_says_that_it_is_not_slack(window: Windows) -> None:
    page = await window()
    await expect(page.locator(".banner")).to_contain_text("Local stand-in, not Slack")


@pytest.mark.usefixtures("app")
async def test_a_slash_command_is_completed_from_the_manifest(window: Windows) -> None:
    page = await window()
    composer = page.get_by_label("Message #takumi-alerts")
    await composer.press_sequentially("/de")
    await expect(page.get_by_role("option", name="/demo")).to_contain_text("Try the page")
    await composer.press("Enter")
    await expect(composer).to_have_value("/demo ")
    await expect(page.locator(".composer-hint").first).to_contain_text("whisper | ask | form")


@pytest.mark.usefixtures("app")
async def test_an_ephemeral_is_seen_by_its_person_alone(window: Windows) -> None:
    aiko, taro = await window(AIKO), await window(TARO)
    await type_in(aiko, "/demo whisper")
    await expect(aiko.locator("[data-ephemeral]")).to_contain_text("Only visible to you")
    await expect(aiko.locator("[data-ephemeral]")).to_contain_text("For your eyes only")
    await type_in(taro, "heard anything?")
    await expect(taro.locator("[data-ts]").last).to_contain_text("heard anything?")
    await expect(taro.locator("body")).not_to_contain_text("For your eyes only")


@pytest.mark.usefixtures("app")
async def test_a_click_reaches_the_app_as_the_person_who_clicked(window: Windows) -> None:
    aiko, taro = await window(AIKO), await window(TARO)
    await type_in(aiko, "/demo ask")
    await taro.locator("[data-action-id=approve]").click()
    for page in (aiko, taro):
        await expect(page.locator("[data-ts]").last).to_contain_text("approve R-1 by @Taro Lead")


@pytest.mark.usefixtures("app")
async def test_a_choice_in_a_menu_reaches_the_app(window: Windows) -> None:
    page = await window()
    await type_in(page, "/demo ask")
    await page.get_by_placeholder("How urgent?").click()
    await page.get_by_role("option", name="High").click()
    await expect(page.locator("[data-ts]").last).to_contain_text("level high by @Aiko Developer")


@pytest.mark.usefixtures("app")
async def test_a_declined_confirmation_sends_nothing(window: Windows) -> None:
    page = await window()
    await type_in(page, "/demo ask")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/_workspace/click" in request.url else None)
    await page.locator("[data-action-id=replace]").click()
    await expect(page.get_by_role("dialog", name="Really?")).to_contain_text("This replaces staging.")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.locator("[data-action-id=replace]").click()
    await page.get_by_role("button", name="Not yet").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert sent == []
    await page.locator("[data-action-id=replace]").click()
    await page.get_by_role("button", name="Yes, replace").click()
    await expect(page.locator("[data-ts]").last).to_contain_text("replace None by @Aiko Developer")


@pytest.mark.usefixtures("app")
async def test_a_refused_field_shows_its_error_and_keeps_what_was_typed(window: Windows) -> None:
    page = await window()
    await type_in(page, "/demo form")
    dialog = page.get_by_role("dialog", name="Restore")
    await dialog.get_by_label("Reason").fill("because")
    await dialog.get_by_role("combobox", name="Tell").click()
    await dialog.get_by_role("option", name="Taro Lead").click()
    await page.keyboard.press("Escape")
    await dialog.get_by_role("button", name="Ask").click()
    await expect(dialog.locator("[data-block-id=reason] [role=alert]")).to_have_text(REFUSAL)
    await expect(dialog.get_by_label("Reason")).to_have_value("because")
    await dialog.get_by_label("Reason").fill("INC-7")
    await dialog.get_by_role("button", name="Ask").click()
    await expect(dialog).to_have_count(0)
    await expect(page.locator("[data-ts]").last).to_contain_text("Asked: INC-7, telling 1, to None")


@pytest.mark.usefixtures("app")
async def test_an_external_menu_offers_what_the_app_answers_to_the_typed_words(window: Windows) -> None:
    page = await window()
    await type_in(page, "/demo form")
    await page.get_by_label("Reason").fill("INC-8")
    search = page.get_by_role("combobox", name="Runbook")
    await search.fill("r")
    await expect(page.get_by_role("listbox", name="Runbook")).to_contain_text("Type at least 2 letters")
    await search.fill("re")
    await expect(page.get_by_role("option")).to_have_text(["Restore", "Reindex"])
    await page.get_by_role("option", name="Reindex").click()
    await page.get_by_role("button", name="Ask").click()
    await expect(page.locator("[data-ts]").last).to_contain_text("to Reindex")


async def test_a_file_can_be_downloaded_whole(window: Windows, app: AsyncWebClient) -> None:
    await app.files_upload_v2(channel=ALERTS, content="9f2c  takumi.sql.gz", filename="takumi.sql.gz.sha256")
    page = await window()
    async with page.expect_download() as started:
        await page.get_by_role("link", name="Download").click()
    file = await started.value
    assert file.suggested_filename == "takumi.sql.gz.sha256"
    assert (await file.path()).read_text(encoding="utf-8") == "9f2c  takumi.sql.gz"


@pytest.mark.usefixtures("app")
async def test_an_empty_required_field_is_told_at_the_field(window: Windows) -> None:
    page = await window()
    await type_in(page, "/demo form")
    await page.get_by_role("button", name="Ask").click()
    await expect(page.locator("[data-block-id=reason] [role=alert]")).to_contain_text("required")


@pytest.mark.usefixtures("app")
async def test_escape_closes_a_menu_first_and_then_the_modal(window: Windows) -> None:
    page = await window()
    await type_in(page, "/demo form")
    await page.get_by_role("combobox", name="Tell").click()
    await expect(page.get_by_role("option", name="Taro Lead")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("option", name="Taro Lead")).to_be_hidden()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.usefixtures("app")
async def test_a_shortcut_opens_its_modal(window: Windows) -> None:
    page = await window()
    await page.get_by_role("button", name="Shortcuts").click()
    await page.get_by_role("menuitem", name="Launch").click()
    await expect(page.get_by_role("dialog", name="Restore")).to_be_visible()


@pytest.mark.usefixtures("app")
async def test_opening_the_app_shows_the_home_it_publishes(window: Windows) -> None:
    page = await window()
    await page.locator("[data-app-id]").click()
    await expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_visible()


@pytest.mark.usefixtures("app")
async def test_a_fault_asked_for_on_the_page_happens(window: Windows, running: Running) -> None:
    page = await window(AIKO)
    await page.get_by_text("Faults", exact=True).click()
    await page.get_by_label("Fault", exact=True).select_option("guest")
    await page.get_by_label("user", exact=True).select_option(TARO)
    await page.get_by_role("button", name="Do it").click()
    await expect(page.locator(f".person-guest:has([value='{TARO}'])")).to_be_visible()
    await page.get_by_label("Fault", exact=True).select_option("http_error")
    await page.get_by_role("button", name="Do it").click()
    await expect(page.locator(".faults-planned")).to_contain_text("http_error on *, 1 to come")
    await page.get_by_role("button", name="+1 hour").click()
    await expect(page.locator("#clock")).to_contain_text("moved +3600 s")
    assert running.stand_in.world.clock.offset.total_seconds() == 3600


@pytest.mark.usefixtures("credentials")
async def test_a_command_nobody_takes_is_told_under_the_composer_and_kept(window: Windows) -> None:
    page = await window()
    await type_in(page, "/demo ask")
    await expect(page.locator(".composer-problem")).to_contain_text("dispatch_failed")
    await expect(page.get_by_label("Message #takumi-alerts")).to_have_value("/demo ask")


@pytest.mark.usefixtures("app")
async def test_a_slash_command_in_a_thread_is_refused_in_words(window: Windows, running: Running) -> None:
    parent = place_message(running, text="a parent")
    page = await window(thread=parent)
    reply = page.get_by_label("Reply …")
    await reply.fill("/demo ask")
    await reply.press("Enter")
    await expect(page.locator("#thread .composer-problem")).to_contain_text("not supported in threads")


async def test_a_reply_is_counted_and_shown_without_a_reload(window: Windows, running: Running) -> None:
    parent = place_message(running, text="a parent")
    aiko, taro = await window(AIKO), await window(TARO, thread=parent)
    await aiko.locator(f"[data-ts='{parent}']").hover()
    await aiko.get_by_role("button", name="Reply in thread").click()
    await aiko.get_by_label("Reply …").fill("first answer")
    await aiko.get_by_label("Reply …").press("Enter")
    await expect(taro.locator("#thread [data-ts]").last).to_contain_text("first answer")
    await expect(taro.locator(f"#main [data-thread='{parent}']")).to_contain_text("1 reply")


async def test_the_address_keeps_the_person_and_the_thread(window: Windows, running: Running) -> None:
    parent = place_message(running, text="a parent")
    page = await window(AIKO)
    await page.locator(f"[data-ts='{parent}']").hover()
    await page.get_by_role("button", name="Reply in thread").click()
    await page.get_by_role("radio", name="Taro Lead").check()
    await expect(page).to_have_url(re.compile(f"as={TARO}.*thread={parent}"))
    await page.reload()
    await expect(page.locator(f"[data-as='{TARO}']")).to_be_checked()
    await expect(page.locator("#thread [data-ts]")).to_contain_text("a parent")


async def test_an_unread_channel_is_marked_until_it_is_opened(window: Windows, running: Running) -> None:
    page = await window(AIKO)
    async with Workspace(running.url, running.token) as workspace:
        await workspace.person(TARO).say("hello", "#general")
    await expect(page.get_by_role("button", name="general 1 unread")).to_be_visible()
    await page.get_by_role("button", name="general 1 unread").click()
    await expect(page.locator("[data-ts]")).to_contain_text("hello")
    await page.locator("[data-channel-id=C0RANDOM01]").click()
    await expect(page.get_by_role("button", name="general", exact=True)).to_be_visible()


async def test_a_deactivated_person_is_refused_in_words(window: Windows) -> None:
    page = await window(DANA)
    await type_in(page, "let me in")
    await expect(page.locator(".composer-problem")).to_contain_text("Dana Gone is deactivated")
    await expect(page.get_by_label("Message #takumi-alerts")).to_have_value("let me in")


async def test_every_block_and_element_is_shown(window: Windows, running: Running) -> None:
    place_message(running, blocks=BLOCKS)
    page = await window()
    await expect(page.locator("[data-ts] .block")).not_to_have_count(0)
    unknown = await page.locator("[data-unknown], [data-broken], .unknown-inline").all_inner_texts()
    assert unknown == []
    assert await page.locator("[data-ts] .blocks > .block").count() >= len(BLOCKS)


async def test_the_gallery_holds_every_type_of_slacks_own_schema() -> None:
    if not SCHEMA.exists():
        pytest.skip("NOT TESTED: shared/slack/blocks.schema.json is not on this machine")
    definitions = json.loads(SCHEMA.read_text(encoding="utf-8"))["definitions"]
    consts = {d.get("properties", {}).get("type", {}).get("const") for d in definitions.values()}
    assert consts - {None, "modal", "home"} <= types_shown()


@pytest.mark.parametrize(
    "block",
    [
        {"type": "hologram", "depth": 3},
        {"type": "constructor"},
        {"type": "section"},
        {"type": "rich_text", "elements": "not a list"},
        {"type": "table", "rows": 5},
        {"type": "plan", "title": "x", "tasks": [None]},
        {"type": "actions", "elements": [{"type": "jetpack"}]},
        {"type": "input", "label": None, "element": None},
        None,
        "words",
    ],
)
async def test_what_cannot_be_shown_is_a_visible_box_beside_the_rest(
    block: object, window: Windows, running: Running
) -> None:
    good = {"type": "section", "text": {"type": "mrkdwn", "text": "still here"}}
    place_message(running, blocks=[good, block])
    place_message(running, text="and the next message")
    page = await window()
    await expect(page.locator("[data-unknown], [data-broken]").first).to_be_visible()
    await expect(page.get_by_text("still here")).to_be_visible()
    await expect(page.get_by_text("and the next message")).to_be_visible()


HOSTILE = (
    "<img src=x onerror=window.hacked=1> <script>window.hacked=1</script> <javascript:window.hacked=1|click me>"
    " </textarea><svg onload=window.hacked=1> &lt;img src=x onerror=window.hacked=1&gt;"
    " [md](javascript:window.hacked=1)"
)


def hostile_blocks() -> list[dict[str, Any]]:
    mrkdwn, plain = {"type": "mrkdwn", "text": HOSTILE}, {"type": "plain_text", "text": HOSTILE}
    link = {"type": "link", "url": "javascript:window.hacked=1", "text": "rich"}
    return [
        {"type": "section", "text": mrkdwn, "fields": [plain]},
        {"type": "header", "text": plain},
        {"type": "markdown", "text": HOSTILE},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [link]}]},
        {"type": "actions", "elements": [{"type": "button", "text": plain, "url": "javascript:window.hacked=1"}]},
        {"type": "image", "image_url": "javascript:window.hacked=1", "alt_text": HOSTILE},
        {"type": HOSTILE, "text": HOSTILE},
        {"type": "plan", "title": HOSTILE, "tasks": [{"type": "task_card", "task_id": HOSTILE, "title": HOSTILE}]},
    ]


async def test_hostile_text_runs_nothing(window: Windows, running: Running) -> None:
    files = [{"id": "F1", "name": HOSTILE, "url_private": "javascript:window.hacked=1", "mimetype": "image/png"}]
    place_message(running, text=HOSTILE, username=HOSTILE, files=files)
    place_message(running, text=HOSTILE, blocks=hostile_blocks(), attachments=[{"title": HOSTILE, "text": HOSTILE}])
    page = await window()
    await expect(page.locator("[data-ts]")).to_have_count(2)
    await expect(page.locator("[data-ts] :is(script, svg[onload], img[onerror])")).to_have_count(0)
    await expect(page.locator("[data-ts] [href^='javascript:']")).to_have_count(0)
    for part in await page.get_by_text("click me").all():
        await part.click()
    assert await page.evaluate("window.hacked") is None


async def test_the_page_finds_a_restarted_workspace_and_keeps_the_draft(browser: Browser, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        async with running_workspace(tmp_path) as first:
            page = await Windows(browser, first, stack)()
            await page.get_by_label("Message #takumi-alerts").fill("half a sentence")
        await expect(page.locator("#connection")).to_contain_text("reconnecting")
        async with running_workspace(tmp_path, int(first.url.rstrip("/").rsplit(":", 1)[1])) as second:
            place_message(second, text="said meanwhile")
            await expect(page.locator("#connection")).to_have_text("live", timeout=20_000)
            await expect(page.locator("[data-ts]")).to_contain_text("said meanwhile")
            await expect(page.get_by_label("Message #takumi-alerts")).to_have_value("half a sentence")
