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
from tests.e2e.product import Product
from tests.e2e.threads import RunSeen, ask_for, private_answer

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
# Seen from a little further away, so that a whole thread fits: a picture of 1440 by 900.
VIEWPORT = ViewportSize(width=1792, height=1120)
ZOOM = 1440 / 1792
# Short, since the picture shows paths; it must not exist, and is gone afterwards.
FOLDER = Path("/tmp/takumi")  # noqa: S108 - see above
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--force-color-profile=srgb"]
FULL_SIZE = 1.0


def main() -> None:
    """A platform of the full size, one backup, one look at it."""
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
            await show(page, product, await run.person.id(), run)
            await page.screenshot(path=PICTURES / "backup.png")
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


async def show(page: Page, product: Product, person: str, run: RunSeen) -> None:
    await page.goto(f"{product.parts.workspace.url}#as={person}&channel={run.channel}&thread={run.ts}")
    await expect(page.locator("#connection")).to_have_text("live")
    await expect(page.locator("#thread")).to_contain_text("Expires")
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
