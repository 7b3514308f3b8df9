"""An S3 that takes everything and keeps nothing but checksums: what an upload costs without a store behind it."""

import base64
import hashlib
import sys
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BLOCK_BYTES = 1 << 20
WHOLE = "0"
PARTS: dict[str, dict[int, tuple[str, int]]] = {}


def checksum_of(parts: Mapping[int, str]) -> str:
    """S3's: the one of what came whole, or that of the parts' own."""
    if int(WHOLE) in parts:
        return parts[int(WHOLE)]
    digest = hashlib.sha256(b"".join(base64.b64decode(one) for one in parts.values())).digest()
    return f"{base64.b64encode(digest).decode()}-{len(parts)}"


class Sink(BaseHTTPRequestHandler):
    """The few requests of an upload, answered as S3 does."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self._read()
        key = urlsplit(self.path).path
        if "uploads" in urlsplit(self.path).query:
            PARTS[key] = {}
            return self._answer(
                f"<InitiateMultipartUploadResult><UploadId>1</UploadId><Key>{key}</Key></InitiateMultipartUploadResult>"
            )
        return self._answer("<CompleteMultipartUploadResult><ETag>1</ETag></CompleteMultipartUploadResult>")

    def do_PUT(self) -> None:
        size_bytes = self._read()
        number = int(parse_qs(urlsplit(self.path).query).get("partNumber", [WHOLE])[0])
        checksum = self.headers.get("x-amz-checksum-sha256", "")
        PARTS.setdefault(urlsplit(self.path).path, {})[number] = checksum, size_bytes
        self._answer("")

    def do_DELETE(self) -> None:
        """Parts that are forgotten."""
        self._answer("")

    def do_HEAD(self) -> None:
        parts = PARTS.get(urlsplit(self.path).path, {})
        self.send_response(200)
        self.send_header("x-amz-checksum-sha256", checksum_of({number: parts[number][0] for number in sorted(parts)}))
        self.send_header("Content-Length", str(sum(size for _, size in parts.values())))
        self.end_headers()

    def _read(self) -> int:
        left = size = int(self.headers.get("Content-Length", 0))
        while left > 0 and (block := self.rfile.read(min(left, BLOCK_BYTES))):
            left -= len(block)
        return size

    def _answer(self, body: str) -> None:
        self.send_response(200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Sink).serve_forever()
