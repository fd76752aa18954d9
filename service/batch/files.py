"""Files by path or URL, here or in an object store (fsspec)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

from assay.aggregation.whole_file import replace_file
from assay.service.domain.errors import StartupError
from assay.service.row_files.forms.endings import FORMS, has_text_name, named_ending

UNFINISHED = ".tmp"
NO_FILES = f"has no file of rows ({FORMS})"


class BatchError(StartupError):
    """A bulk job cannot start or go on; the message names a remedy."""


class Files:
    """One place that fsspec knows: a folder, a bucket, memory."""

    def __init__(self, url: str) -> None:
        import fsspec
        from fsspec.implementations.local import LocalFileSystem

        self.url = url
        try:
            self.fs, self.root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as exc:
            raise BatchError(f"{url}: {exc}") from exc
        self.local = isinstance(self.fs, LocalFileSystem)

    def path(self, *names: str) -> str:
        """Return the path of an entry below the root."""
        return "/".join([self.root.rstrip("/"), *names]) if names else self.root

    def open(self, path: str) -> IO[bytes]:
        """Open a file for reading."""
        file: IO[bytes] = self.fs.open(path, "rb")
        return file

    def digest(self, path: str) -> str:
        """Return what changes with a file's content: a hash, or an object store's own mark."""
        if not self.local:
            return str(self.fs.checksum(path))
        content = blake2b(digest_size=16)
        with self.open(path) as file:
            while piece := file.read(1 << 20):
                content.update(piece)
        return content.hexdigest()

    @contextmanager
    def here(self, path: str) -> Iterator[Path]:
        """Yield a file's path on this machine; a remote file is copied here for so long."""
        if self.local:
            yield Path(path)
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / path.rsplit("/", 1)[-1]
            self.fs.get_file(path, str(copy))
            yield copy

    def get(self, *names: str) -> bytes | None:
        """Return a file's content; None without the file."""
        try:
            return bytes(self.fs.cat_file(self.path(*names)))
        except FileNotFoundError:
            return None

    def put(self, content: bytes, *names: str) -> None:
        """Write a whole file at once: a reader sees all of it or nothing."""
        path = self.path(*names)
        if not self.local:  # an object appears when its upload is complete
            self.fs.pipe_file(path, content)
            return
        self.fs.makedirs(self.fs._parent(path), exist_ok=True)
        replace_file(Path(path), content, UNFINISHED)

    def holds(self, path: str, files: Files) -> bool:
        """Return whether a path of `files` lies below this place, also by links."""
        root = self.root.rstrip("/")
        if self.local and files.local:
            root, path = os.path.realpath(root), os.path.realpath(path)
        return path.startswith(root + "/")

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder below the root; none without the folder."""
        try:
            paths = self.fs.ls(self.path(folder), detail=False)
        except FileNotFoundError:
            return []
        return sorted(
            name for name in (path.rsplit("/", 1)[-1] for path in paths) if not name.startswith(".")
        )

    def sweep(self) -> None:
        """Remove the unfinished files of a killed writer."""
        if self.local:
            for path in self.fs.glob(self.path("**", f".*{UNFINISHED}")):
                self.fs.rm_file(path)

    def get_all(self, folder: str, names: Sequence[str]) -> dict[str, bytes]:
        """Return the contents of files of a folder by name."""
        paths = {self.path(folder, name): name for name in names}
        contents: dict[str, Any] = self.fs.cat(list(paths)) if paths else {}
        return {paths[path]: bytes(content) for path, content in contents.items()}


def inputs(url: str, out: Files) -> tuple[Files, list[str]]:
    """Return the files of a path, folder or pattern, in order, without the job's own output.

    Raises `BatchError` without any file, or with two formats, or if the output is a file.
    """
    files = Files(url)
    if out.fs.isfile(out.root):
        raise BatchError(f"{out.url}: is a file; name a folder for the results")
    root = files.root
    if any(sign in root for sign in "*?["):
        paths = _of_rows(sorted(files.fs.glob(root)))
    elif files.fs.isdir(root):
        shown = sorted(path for path in files.fs.find(root) if not _hidden(path[len(root) :]))
        paths = _of_rows(shown)
        # Beside rows, a file of JSON describes them.
        paths = [path for path in paths if not path.endswith(".json")] or paths
    elif files.local and Path(root).exists() and not Path(root).is_file():
        raise BatchError(f"{url}: is a pipe or a device, which `assay rank` reads")
    elif files.fs.exists(root):
        paths = [root]
    else:
        raise BatchError(f"{url}: no such file or folder")
    inside, paths = paths, [path for path in paths if not out.holds(path, files)]
    if inside and not paths:
        raise BatchError(
            f"{out.url}: is the folder of the input {url}; name another for the results"
        )
    if not paths:
        raise BatchError(f"{url}: {NO_FILES}")
    if len({path.endswith(".parquet") for path in paths}) > 1:
        raise BatchError(
            f"{url}: has both .parquet files and others; name one kind, such as"
            f" '{url.rstrip('/')}/*.parquet'"
        )
    if unnamed := [path for path in paths if not has_text_name(path)]:
        raise BatchError(f"{unnamed[0]}: its name is not UTF-8: rename it")
    return files, paths


def _of_rows(paths: Sequence[str]) -> list[str]:
    return [path for path in paths if named_ending(Path(path)) is not None]


def _hidden(path: str) -> bool:
    return any(part.startswith(("_", ".")) for part in path.split("/"))
