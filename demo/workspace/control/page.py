"""The page and its files, with the workspace's token put in."""

from pathlib import Path

from aiohttp import web

from demo.workspace.control.gate import TOKEN, ControlError

FOLDER = Path(__file__).parent.parent / "page"
PLACEHOLDER = "{{workspace_token}}"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}
POLICY = "default-src 'self'; img-src * data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"


class Page:
    """Static files, nothing cached: the page is developed while it runs."""

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/", self.index), web.get("/page/{name}", self.asset)]

    async def index(self, request: web.Request) -> web.Response:
        path = FOLDER / "index.html"
        if not path.exists():
            return web.Response(text="Local stand-in, not Slack. Its page is not installed.")
        text = path.read_text(encoding="utf-8").replace(PLACEHOLDER, request.app[TOKEN])
        return web.Response(text=text, content_type="text/html", headers=_headers())

    async def asset(self, request: web.Request) -> web.Response:
        path = FOLDER / request.match_info["name"]
        if path.parent != FOLDER or not path.is_file() or path.suffix not in TYPES:
            raise ControlError(404, "not_found", f"the page has no file {request.match_info['name']!r}")
        return web.Response(
            body=path.read_bytes(), content_type=TYPES[path.suffix], charset="utf-8", headers=_headers()
        )


def _headers() -> dict[str, str]:
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
