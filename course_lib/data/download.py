"""Download one file: continued where it broke off, and in its place only when it is right.

While it comes it is called `NAME.part`, and that is all that an interruption leaves behind (Ctrl-C, a lost network,
`kill -9`). The next call asks for the rest only (RFC 9110, section 14: `Range`, `Content-Range`), if a checksum will
tell whether the whole is right: a whole that is wrong is thrown away, and a continued one is fetched once more from its
beginning. Without a checksum only `If-Range` tells two versions of a file apart, and it needs what the server said
before: such a file is continued within one call, and begun again by the next.

A second process that wants the same file waits until the first one is done: the part is locked.
"""

import os
import re
import sys
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from errno import ENOLCK, ENOSPC, ENOSYS, ENOTSUP
from lzma import LZMAError
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from course_lib.errors import CourseError

if TYPE_CHECKING:
    from requests import Response

__all__ = ["download_file", "find_fault"]

UNKNOWN = "unknown"  # the checksum of a file for which nobody publishes one
TIMEOUT_S = 30.0  # to connect, and between two pieces
TRIES = 3  # at one address without getting further
PAUSE_S = 1.0  # before the second try; twice as long before the third
LONGEST_PAUSE_S = 60.0  # whatever the server asks for
PIECE = 2**16


def download_file(address: str, target: Path, *, checksum: str, progress: bool = True) -> None:
    """Download a file to its place.

    Parameters
    ----------
    address : str
        http(s)://…; redirections are followed.
    target : Path
        Where the file belongs; its folder is made. A file that lies there is replaced, unless it is right.
    checksum : str
        ``sha256:…`` or ``md5:…`` in hexadecimal digits, or ``unknown``: then the file is as long as the server says,
        and a zip archive is whole.
    progress : bool
        Whether to draw a progress bar on stderr.

    Raises
    ------
    CourseError
        If this address does not give the file: one line that begins with the address.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> download_file("nowhere/a.zip", Path("a.zip"), checksum="unknown", progress=False)
    Traceback (most recent call last):
        ...
    course_lib.errors.CourseError: nowhere/a.zip is unreachable (MissingSchema)
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    with _locked(part, progress) as file:
        if target.is_file() and checksum != UNKNOWN and not find_fault(target, checksum):
            part.unlink()  # another process has just fetched it
            return
        continued = checksum != UNKNOWN and os.fstat(file.fileno()).st_size > 0
        if not continued:
            file.truncate(0)
        fault = _fetch(address, part, file, checksum, progress)
        if fault and continued:
            file.truncate(0)
            fault = _fetch(address, part, file, checksum, progress)
        if fault:
            file.truncate(0)  # and _locked takes away what is empty
            raise CourseError(f"{address} gave another file than the register's ({fault})")
        if sys.platform == "win32":
            file.close()  # Windows moves no open file
        os.replace(part, target)


def find_fault(path: Path, checksum: str) -> str:
    """Say what is wrong with a file, by its checksum or by what it tells about itself.

    Parameters
    ----------
    path : Path
        The file.
    checksum : str
        ``sha256:…``, ``md5:…`` or ``unknown``; without one, only a zip archive (.zip, .npz) tells whether it is whole.

    Returns
    -------
    str
        A few words; empty if no fault was found.

    Examples
    --------
    >>> find_fault(Path(__file__), "md5:00000000000000000000000000000000")
    'wrong md5: corrupted or changed'
    """
    if path.stat().st_size == 0:
        return "it is empty"
    if checksum == UNKNOWN:
        if not path.name.removesuffix(".part").endswith((".zip", ".npz")):
            return ""
        try:
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip()
        except (zipfile.BadZipFile, zlib.error, LZMAError, EOFError, OSError, RuntimeError, ValueError):
            return "no whole zip archive"
        return f"damaged zip archive, first in {damaged}" if damaged else ""
    import pooch  # here, since downloads are rare

    kind, _, digits = checksum.partition(":")
    return "" if pooch.file_hash(str(path), alg=kind) == digits else f"wrong {kind}: corrupted or changed"


@dataclass(frozen=True)
class _Try:
    """How one request ended: a fault if the file is not whole yet, and how long to wait before the next, if any."""

    fault: str = ""
    pause_s: float | None = None
    validator: str = ""


def _fetch(address: str, part: Path, file: BinaryIO, checksum: str, progress: bool) -> str:
    """Download until the part is as long as the server says, and return what is wrong with it."""
    from tqdm import tqdm  # type: ignore[import-untyped]  # it brings no types

    farthest, tries, validator = os.fstat(file.fileno()).st_size, 0, ""
    with tqdm(unit="B", unit_scale=True, desc=part.stem, initial=farthest, disable=not progress) as bar:
        while True:
            outcome = _request(address, file, validator, checksum, bar)
            validator = outcome.validator or validator
            file.flush()
            size = os.fstat(file.fileno()).st_size
            tries, farthest = (0, size) if size > farthest else (tries + 1, farthest)
            if not outcome.fault:
                return find_fault(part, checksum)
            if outcome.pause_s is None or tries >= TRIES:
                raise CourseError(f"{address} {outcome.fault}")
            time.sleep(min(outcome.pause_s or PAUSE_S * max(tries, 1), LONGEST_PAUSE_S))
            if checksum == UNKNOWN and not validator:
                file.truncate(0)


def _request(address: str, file: BinaryIO, validator: str, checksum: str, bar: Any) -> _Try:
    """Ask for what is missing and append it."""
    import requests  # pooch and nilearn bring it; it takes a while

    start = os.fstat(file.fileno()).st_size
    asked = {"Accept-Encoding": "identity"}  # bytes as they are stored, so that they can be counted
    if start:
        asked["Range"] = f"bytes={start}-"
        if validator:
            asked["If-Range"] = validator
    seen = validator
    try:
        with requests.get(address, headers=asked, stream=True, timeout=TIMEOUT_S) as answer:
            refusal = _refusal(answer, start, file, checksum)
            if refusal is not None:
                return refusal
            seen = _validator(answer)
            length = _length(answer)
            _leave_room(file, length)
            bar.total, bar.n = length + os.fstat(file.fileno()).st_size or None, os.fstat(file.fileno()).st_size
            bar.refresh()
            for piece in answer.iter_content(PIECE):
                file.write(piece)
                bar.update(len(piece))
    except requests.exceptions.ChunkedEncodingError:
        return _Try("broke off: the file came truncated", 0, seen)
    except requests.exceptions.ConnectTimeout:
        return _Try(f"did not answer in {TIMEOUT_S:g} s", 0, seen)
    except requests.exceptions.RequestException as error:
        # in the middle of a file requests has no type for a stall
        stalled = isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error)
        words = f"stopped answering for {TIMEOUT_S:g} s" if stalled else f"is unreachable ({type(error).__name__})"
        return _Try(words, 0, seen)
    return _Try(validator=seen)


def _refusal(answer: "Response", start: int, file: BinaryIO, checksum: str) -> _Try | None:
    """Judge the head of an answer: None if its body is what was asked for, and then the part is ready for it."""
    status, headers = answer.status_code, answer.headers
    if status == 416 and start:  # nothing lies behind what is here: it is whole, or another file
        whole = headers.get("Content-Range", "").rpartition("/")[2]
        if whole == str(start):
            return _Try()
        file.truncate(0)
        return _Try("has no more of the file than is here, but another length", 0)
    if status in (408, 429, 500, 502, 503, 504):
        return _Try(f"answered {status}", _retry_after(headers.get("Retry-After", "")))
    if status == 206 and start:
        if re.match(rf"bytes {start}-\d+/", headers.get("Content-Range", "")):
            return None
        file.truncate(0)
        return _Try("gave another part of the file than it was asked for", 0)
    if status != 200:
        return _Try(f"answered {status}")
    if headers.get("Content-Type", "").startswith("text/html"):
        return _Try("answered with a web page in place of the file")
    if checksum == UNKNOWN and not _length(answer):
        return _Try("does not say how long the file is, so that nobody could tell whether it is whole")
    file.truncate(0)  # the whole file comes, also to one who asked for its rest
    return None


def _length(answer: "Response") -> int:
    """Give the number of bytes that come, 0 if the server does not say."""
    text = answer.headers.get("Content-Length", "").strip()
    return int(text) if text.isdecimal() else 0


def _validator(answer: "Response") -> str:
    """Give the mark of this version of the file, if it is one that If-Range may use (RFC 9110, 13.1.5)."""
    tag = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")


def _retry_after(text: str) -> float:
    """Seconds to wait, of a header that says seconds or a date; 0 if it says neither."""
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _leave_room(file: BinaryIO, needed: int) -> None:
    """Refuse what the disk cannot hold before it is full."""
    import shutil

    free = shutil.disk_usage(Path(file.name).parent).free
    if needed > free:
        raise OSError(
            ENOSPC, f"No space left on device: {needed / 1e6:,.1f} MB are to come, {free / 1e6:,.1f} are free"
        )


@contextmanager
def _locked(part: Path, progress: bool) -> Iterator[BinaryIO]:
    """Open the part for appending, for this process alone; nothing empty is left behind."""
    while True:
        file = part.open("ab")
        try:
            _lock(file, progress)
            if part.exists() and os.path.samestat(os.fstat(file.fileno()), part.stat()):
                break
        except BaseException:
            file.close()
            raise
        file.close()  # the one before has moved it to its place or taken it away
    try:
        yield file
    finally:
        empty = not file.closed and part.exists() and os.fstat(file.fileno()).st_size == 0
        if empty and sys.platform != "win32":
            part.unlink()
        file.close()


def _lock(file: BinaryIO, progress: bool) -> None:
    """Wait until no other process holds this file; the system lets go of it when its holder ends, however it ends."""
    said = not progress
    while True:
        try:
            if sys.platform == "win32":
                import msvcrt

                file.seek(0x7FFFFFFF)  # a byte beyond the file's end
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno in (ENOLCK, ENOSYS, ENOTSUP):  # a disk that knows no locks, as some shared ones
                return
            if not isinstance(error, BlockingIOError | PermissionError):
                raise
            if not said:
                print(f"{Path(file.name).stem}: another download of it is under way; waiting", file=sys.stderr)
                said = True
            time.sleep(0.1)
