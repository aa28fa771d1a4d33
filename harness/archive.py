"""Trees of files as values: pack them, lay them over each other, and freeze what an agent left behind.

Freezing reads a hostile tree. It keeps regular files and directories, refuses everything else, caps bytes, count, depth
and name length, and names in its notes what it left out. The canonical archive (sorted, no owner, no time) makes equal
trees equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ResultsError
from harness.types import Submission

MAX_FILES = 20_000
MAX_DEPTH = 64
MAX_NAME = 4096
MAX_NOTES = 20
CHUNK = 1 << 20

LITTER = frozenset(
    {"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis"}
)  # what tools leave behind

Files = Mapping[str, tuple[bytes, int]]


@dataclass(frozen=True)
class Entry:
    """A member of a tree that is being read: `kind` is `file`, `dir`, or the name of what it is instead.

    `chunks` gives a file's content and may be read once, before the next entry is asked for.
    """

    path: str
    kind: str
    mode: int = 0o644
    size: int = 0
    chunks: Iterable[bytes] = ()


class TooLarge(Exception):
    """The stream cannot be read further within the caps."""


# --- packing ---------------------------------------------------------------------------------------------------------


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return an uncompressed tar of plain files."""
    return pack_modes({path: (content, 0o644) for path, content in files.items()})


def pack_modes(files: Files, owner: int = 0) -> bytes:
    """Return an uncompressed canonical tar of (content, mode) by path, its folders included."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for folder in sorted({str(p) for path in files for p in Path(path).parents} - {"."}):
            archive.addfile(_member(folder, tarfile.DIRTYPE, 0o755, 0, owner))
        for path in sorted(files):
            content, mode = files[path]
            archive.addfile(_member(path, tarfile.REGTYPE, mode, len(content), owner), io.BytesIO(content))
    return buffer.getvalue()


def _member(path: str, kind: bytes, mode: int, size: int, owner: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.type, member.mode, member.size, member.uid, member.gid = kind, mode, size, owner, owner
    return member


def layers(*folders: Path, delete: Iterable[str] = ()) -> dict[str, tuple[bytes, int]]:
    """Read folders, later ones over earlier ones, then drop the paths in `delete` (a folder's name drops all in it).

    `.gitkeep` and `expect.toml` at the top are the package's own and are left out.
    """
    files: dict[str, tuple[bytes, int]] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
            if path.is_file() and not path.is_symlink() and not LITTER.intersection(path.parts):
                executable = path.stat().st_mode & 0o100
                files[path.relative_to(folder).as_posix()] = (path.read_bytes(), 0o755 if executable else 0o644)
    gone = tuple(delete)
    own = {".gitkeep", "expect.toml"}
    return {p: f for p, f in files.items() if p not in own and not any(p == g or p.startswith(g + "/") for g in gone)}


# --- freezing --------------------------------------------------------------------------------------------------------


def freeze_layers(files: Files, target: Path) -> Submission:
    """Write files that the harness itself trusts (a solution, a folder) as a submission archive."""
    return _write(dict(files), (), target)


def freeze(entries: Iterable[Entry], target: Path, max_bytes: int, max_files: int = MAX_FILES) -> Submission:
    """Read a hostile tree within caps and write it to `target` as canonical tar, zstd compressed."""
    files, notes = collect(entries, max_bytes, max_files)
    return _write(files, notes, target)


def collect(entries: Iterable[Entry], max_bytes: int, max_files: int) -> tuple[dict[str, tuple[bytes, int]], list[str]]:
    """Return the files kept and the notes on what was left out; never raises for what the tree holds."""
    files: dict[str, tuple[bytes, int]] = {}
    notes: list[str] = []
    total = seen = 0
    try:
        for entry in entries:
            seen += 1
            if seen > 2 * max_files:
                notes.append(f"reading stopped after {seen} entries")
                break
            problem = _problem(entry, max_bytes - total, len(files) >= max_files)
            if problem:
                notes.append(f"{printable(entry.path)}: {problem}")
            elif entry.kind == "file":
                content = b"".join(_capped(entry.chunks, max_bytes - total))
                total += len(content)
                files[entry.path] = (content, 0o755 if entry.mode & 0o111 else 0o644)
    except (TooLarge, OSError, tarfile.TarError, ValueError) as error:
        notes.append(f"reading stopped: {printable(str(error))}")
    return files, notes


def _problem(entry: Entry, bytes_left: int, full: bool) -> str | None:
    """Why an entry is left out, or None."""
    parts = entry.path.split("/")
    if entry.kind not in ("file", "dir"):
        return f"left out, a {entry.kind}"
    if entry.path.startswith("/") or ".." in parts or not entry.path:
        return "left out, its path leads out of the workspace"
    if any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF or ord(c) == 127 for c in entry.path):
        return "left out, its name is not printable UTF-8"
    if len(parts) > MAX_DEPTH or len(entry.path.encode()) > MAX_NAME:
        return f"left out, deeper than {MAX_DEPTH} folders or longer than {MAX_NAME} bytes"
    if entry.kind == "file" and full:
        return "left out, too many files"
    if entry.size > bytes_left:
        return f"left out, {entry.size} bytes are over the cap"
    return None


def _capped(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Pass chunks on; a file that grows while it is read ends at the cap."""
    for chunk in chunks:
        if len(chunk) > limit:
            raise TooLarge("a file grew over the cap while it was read")
        limit -= len(chunk)
        yield chunk


def _write(files: dict[str, tuple[bytes, int]], notes: Iterable[str], target: Path) -> Submission:
    import zstandard

    listed = list(notes)
    if len(listed) > MAX_NOTES:
        listed = [*listed[:MAX_NOTES], f"and {len(listed) - MAX_NOTES} more"]
    part = target.with_suffix(".part")
    part.write_bytes(zstandard.ZstdCompressor(level=3).compress(pack_modes(files)))
    part.rename(target)
    size = sum(len(content) for content, _ in files.values())
    return Submission(digest=digest(files), files=len(files), bytes=size, notes=tuple(listed))


def digest(files: Files) -> str:
    """SHA-256 over paths, modes and contents."""
    hasher = hashlib.sha256()
    for path in sorted(files):
        content, mode = files[path]
        hasher.update(f"{path}\0{mode:o}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return hasher.hexdigest()


def thaw(target: Path) -> dict[str, tuple[bytes, int]]:
    """Read a submission archive back. Raises ResultsError when it is missing or damaged."""
    import zstandard

    try:
        raw = zstandard.ZstdDecompressor().decompressobj().decompress(target.read_bytes())
        with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
            handles = {m: archive.extractfile(m) for m in archive.getmembers() if m.isfile()}
            return {m.name: (handle.read(), m.mode) for m, handle in handles.items() if handle}
    except (OSError, zstandard.ZstdError, tarfile.TarError) as error:
        raise ResultsError(f"{target}: the submission cannot be read ({error}); run the trial again") from error


# --- reading trees ---------------------------------------------------------------------------------------------------


def tar_entries(stream: Iterator[bytes], strip: str) -> Iterator[Entry]:
    """Entries of a tar that arrives in chunks; `strip` is the top folder that the sender puts before every name."""
    with tarfile.open(fileobj=_Reader(stream), mode="r|", errors="surrogateescape") as archive:
        for member in archive:
            path = member.name.removeprefix(strip).strip("/")
            if path:
                yield Entry(path, _tar_kind(member), member.mode, member.size, _tar_chunks(archive, member))


def _tar_kind(member: tarfile.TarInfo) -> str:
    if member.islnk():
        return "hard link"
    kinds = {
        tarfile.SYMTYPE: "symbolic link",
        tarfile.FIFOTYPE: "FIFO",
        tarfile.CHRTYPE: "device",
        tarfile.BLKTYPE: "device",
    }
    return "file" if member.isreg() else "dir" if member.isdir() else kinds.get(member.type, "special file")


def _tar_chunks(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    handle = archive.extractfile(member) if member.isreg() else None
    while handle and (chunk := handle.read(CHUNK)):
        yield chunk


class _Reader(io.RawIOBase):
    """Lets tarfile read an iterator of chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks, self.rest = chunks, b""

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self.rest) < size:
            chunk = next(self.chunks, None)
            if chunk is None:
                break
            self.rest += chunk
        taken, self.rest = (self.rest, b"") if size < 0 else (self.rest[:size], self.rest[size:])
        return taken


def folder_entries(root: Path) -> Iterator[Entry]:
    """Entries of a folder on this machine, without following a link or opening anything but regular files.

    The walk goes by file descriptors, so paths may be longer than the system's limit; it stops going deeper at
    MAX_DEPTH.
    """
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield from _walk(top, "", 1)
    finally:
        os.close(top)


def _walk(folder: int, prefix: str, depth: int) -> Iterator[Entry]:
    for item in sorted(os.scandir(folder), key=lambda i: i.name):
        path = prefix + item.name
        if item.is_dir(follow_symlinks=False):
            yield Entry(path, "dir")
            if depth > MAX_DEPTH:
                yield Entry(path + "/…", "folder that lies too deep")
                continue
            inner = os.open(item.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            try:
                yield from _walk(inner, path + "/", depth + 1)
            finally:
                os.close(inner)
        else:
            yield from _leaf(folder, item, path)


def _leaf(folder: int, item: os.DirEntry[str], path: str) -> Iterator[Entry]:
    found = item.stat(follow_symlinks=False)
    if item.is_symlink():
        yield Entry(path, "symbolic link")
    elif not item.is_file(follow_symlinks=False):
        yield Entry(path, "special file")
    elif found.st_nlink > 1:
        yield Entry(path, "hard link")
    else:
        handle = os.open(item.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        with os.fdopen(handle, "rb") as file:
            yield Entry(path, "file", found.st_mode, found.st_size, iter(lambda: file.read(CHUNK), b""))


def printable(text: str, limit: int = 200) -> str:
    """Text with control characters and undecodable bytes shown as escapes, shortened."""
    shown = "".join(c if c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF else f"\\x{ord(c):02x}" for c in text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
