"""Uploaded files: their record in the snapshot, their bytes in a folder (or in memory without one)."""

import mimetypes
from pathlib import Path

from pydantic import BaseModel, Field

from demo.workspace import Json


class StoredFile(BaseModel):
    """A file from the moment an upload URL was minted; `is_complete` once it was shared."""

    id: str
    name: str
    title: str
    size_bytes: int
    user: str
    app_id: str
    created_seconds: int
    is_uploaded: bool = False
    is_complete: bool = False
    channels: list[str] = Field(default_factory=list)
    shares: dict[str, list[Json]] = Field(default_factory=dict)

    def slack_shape(self, base_url: str) -> Json:
        address = f"{base_url}files-pri/{self.id}/{self.name}"
        return {
            "id": self.id,
            "created": self.created_seconds,
            "timestamp": self.created_seconds,
            "name": self.name,
            "title": self.title,
            "mimetype": mimetypes.guess_type(self.name)[0] or "text/plain",
            "filetype": Path(self.name).suffix.lstrip(".") or "text",
            "pretty_type": (Path(self.name).suffix.lstrip(".") or "text").upper(),
            "user": self.user,
            "mode": "hosted",
            "size": self.size_bytes,
            "is_external": False,
            "is_public": bool(self.channels),
            "url_private": address,
            "url_private_download": address,
            "permalink": address,
            "channels": list(self.channels),
            "groups": [],
            "ims": [],
            "shares": {"public": self.shares},
        }


class FileBytes:
    """Where contents live: `DATA/files/<id>`, or memory for a workspace without a data folder."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._memory: dict[str, bytes] = {}

    def write(self, file_id: str, content: bytes) -> None:
        if self._folder is None:
            self._memory[file_id] = content
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / file_id).write_bytes(content)

    def read(self, file_id: str) -> bytes:
        """Raises: KeyError or FileNotFoundError when nothing was uploaded."""
        return self._memory[file_id] if self._folder is None else (self._folder / file_id).read_bytes()

    def delete(self, file_id: str) -> None:
        self._memory.pop(file_id, None)
        if self._folder is not None:
            (self._folder / file_id).unlink(missing_ok=True)
