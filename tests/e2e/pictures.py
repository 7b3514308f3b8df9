"""Makes the pictures of the documents from the real page: `python -m tests.e2e.pictures`, or `make pictures`."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Page, ViewportSize, async_playwright, expect

from demo.workspace.client import Workspace
from tests.e2e.bots import BotUnderTest
from tests.e2e.product import STAGING_DATABASE, Product
from tests.e2e.threads import RunSeen, ask_for, heads, new_run, private_answer, tasks_of

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
# Seen from a little further away, so that a whole thread fits: a picture of 1440 by 900.
VIEWPORT = ViewportSize(width=1792, height=1120)
ZOOM = 1440 / 1792
# Short, since the picture shows paths; it must not exist, and is gone afterwards.
FOLDER = Path("/tmp/takumi")  # noqa: S108 - see above
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--force-color-profile=srgb"]
FULL_SIZE = 1.0


def main() -> None:
    """A platform of the full size, a backup and a restore, and looks at them."""
    PICTURES.mkdir(exist_ok=True)
    FOLDER.mkdir(mode=0o711)
    try:
        asyncio.run(take(Product(FOLDER / "demo", scale=FULL_SIZE)))
    finally:
        shutil.rmtree(FOLDER)


async def take(product: Product) -> None:
    try:
        await product.start()
        bot = await product.add_bot(BACKUP_DIR=str(FOLDER / "database"))
        async with product.people() as people, opened_page() as page:
            run = await story(people, bot)
            await show(page, product, await run.person.id(), run, "Expires")
            await page.screenshot(path=PICTURES / "backup.png")
            await restore(people, bot, page, product)
    finally:
        await product.stop()


async def story(people: Workspace, bot: BotUnderTest) -> RunSeen:
    """What is to be seen in the channel: why, the backup, and how everything is afterwards."""
    aiko, taro = people.person("Aiko"), people.person("Taro")
    await taro.say("The new schema goes out at three. May I have a backup that I can rely on first?", bot.channel)
    run = await ask_for(aiko, bot, "backup now")
    await run.result()
    await run.says("succeeded")
    await private_answer(aiko, bot, "health")
    return run


async def restore(people: Workspace, bot: BotUnderTest, page: Page, product: Product) -> None:
    """The modal, the card as its approver sees it, and what is said once the database was swapped."""
    aiko, emi = people.person("Aiko"), people.person("Emi")
    await (await ask_for(aiko, bot, f"backup now {STAGING_DATABASE}")).result()
    before = await heads(aiko, bot)
    await aiko.command(f"{bot.command} restore", bot.channel)
    view = await aiko.wait_for_view(lambda found: found.get("callback_id") == "runbook")
    (backups,) = [block["element"]["options"] for block in view["blocks"] if block.get("block_id") == "backup"]
    chosen = next(option["value"] for option in backups if option["value"].startswith(STAGING_DATABASE))
    await page.reload()
    await expect(page.locator("dialog")).to_contain_text("Ask for it")
    await page.screenshot(path=PICTURES / "restore-modal.png")
    await aiko.submit(view, {"backup": chosen})
    run = await new_run(aiko, bot, before)
    await run.says("waits for approval")
    await page.goto("about:blank")
    await page.goto(f"{product.parts.workspace.url}#as={await emi.id()}&app={bot.credentials['app_id']}")
    await expect(page.locator("main")).to_contain_text("Find a runbook")
    await page.screenshot(path=PICTURES / "home.png")
    await show(page, product, await emi.id(), run, "Approve")
    await page.screenshot(path=PICTURES / "restore-card.png")
    await emi.click(await run.head(), "Approve", bot.channel)
    await run.result()
    await run.says("succeeded")
    await run.waits_for("steps", lambda message: set(tasks_of(message).values()) == {"complete"})
    await show(page, product, await emi.id(), run, "Nobody got in for")
    await page.screenshot(path=PICTURES / "restore-done.png")


async def show(page: Page, product: Product, person: str, run: RunSeen, words: str) -> None:
    """The page as that person, with the run's thread open, once the thread says these words."""
    await page.goto("about:blank")  # a change of the fragment alone would not load the page again
    await page.goto(f"{product.parts.workspace.url}#as={person}&channel={run.channel}&thread={run.ts}")
    await expect(page.locator("#connection")).to_have_text("live")
    await expect(page.locator("#thread")).to_contain_text(words)
    await page.evaluate("document.fonts.ready")


@asynccontextmanager
async def opened_page() -> AsyncIterator[Page]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        sys.exit("The pictures need a chromium on PATH (apt-get install chromium).")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=SWITCHES)
        yield await browser.new_page(viewport=VIEWPORT, device_scale_factor=ZOOM)
        await browser.close()


if __name__ == "__main__":
    main()
