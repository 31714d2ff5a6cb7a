"""Archives of data sets (.zip, .tar, .tar.gz, .tar.bz2, .tar.xz), unpacked whole and only into their own folder.

An archive from the network can name files outside the folder it is unpacked into, hold links to such files, or swell to
any size. Each member is checked before it is written, and all are written to a temporary folder beside the wanted one,
which takes its name when everything is there: a folder that exists is whole.
"""

import errno
import os
import re
import shutil
import stat
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from course_lib.data.door import open_file, short_reason
from course_lib.errors import CourseError

__all__ = ["extract_archive"]

_MAX_MEMBERS = 500_000


@dataclass(frozen=True)
class _Member:
    name: str
    is_folder: bool
    size: int
    fault: str  # why it must not be unpacked, or nothing
    handle: Any  # what its archive knows it by


def extract_archive(path: str | os.PathLike[str], folder: str | os.PathLike[str], *, max_gb: float = 50) -> Path:
    """Unpack an archive into a new folder; either everything is there afterwards, or nothing.

    Parameters
    ----------
    path : path
        A zip or tar file, packed or not, whatever its name.
    folder : path
        Where to: a folder that is not there yet, or an empty one. Folders above it are made.
    max_gb : float
        How many gigabytes (10⁹ bytes) all members together may have; they say so themselves.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    CourseError
        If the folder has something in it, the file is no archive, cut short, damaged or encrypted, would become too
        large, or a member climbs out of the folder, is a link or a device, or comes twice.
    ValueError
        If `max_gb` is no number above 0.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> with zipfile.ZipFile(folder / "a.zip", "w") as archive:
    ...     archive.writestr("images/1.txt", "one")
    >>> unpacked = extract_archive(folder / "a.zip", folder / "a")
    >>> (unpacked / "images" / "1.txt").read_text()
    'one'
    """
    if not max_gb > 0:
        raise ValueError(f"max_gb needs a number above 0, got {max_gb}")
    path, folder = Path(path), Path(folder)
    with open_file(path, wanted="a .zip or .tar.gz file") as file:
        is_zip = file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    temporary = _beside(folder)
    try:
        (_extract_zip if is_zip else _extract_tar)(path, temporary, max_gb)
        temporary.chmod(0o755)  # mkdtemp makes it the owner's alone; a class may share it
        if folder.is_dir():
            folder.rmdir()  # empty; Windows renames onto nothing that is there
        temporary.rename(folder)
    except CourseError:
        raise
    except Exception as error:  # a damaged archive makes zipfile, tarfile, zlib and lzma raise almost anything
        raise CourseError(_reason(path, folder, error)) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _beside(folder: Path) -> Path:
    """Make a temporary folder beside the wanted one, which is not there yet, or empty."""
    try:
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
            raise CourseError(
                f"{folder}: is there already, with something in it; choose another folder, or take it away"
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{folder.name[:40]}.", dir=folder.parent))
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = getattr(error, "strerror", None) or error
        raise CourseError(f"{folder}: cannot be written ({reason}); choose another folder") from None


def _reason(path: Path, folder: Path, error: Exception) -> str:
    """Return what went wrong: with the disk, or with the archive."""
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # what a damaged archive has not
        return f"{folder}: cannot be written ({error.strerror or error}); choose another folder"
    if "file could not be opened" in str(error):
        return f"{path}: is neither zip nor tar, or cut short; give a whole .zip or .tar.gz file"
    return f"{path}: is cut short or damaged ({short_reason(error)}); download it again"


def _extract_zip(path: Path, folder: Path, max_gb: float) -> None:
    with warnings.catch_warnings(), zipfile.ZipFile(path) as archive:
        warnings.simplefilter("ignore")
        members = [_zip_member(info) for info in archive.infolist()]
        _check(path, members, max_gb)
        for member in members:
            _write(folder, member, None if member.is_folder else archive.open(member.handle))


def _zip_member(info: zipfile.ZipInfo) -> _Member:
    mode = info.external_attr >> 16
    odd = stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR)
    fault = "is a link or a device" if odd else "is encrypted" if info.flag_bits & 1 else ""
    # zipfile cuts a name at its first zero byte; the name as it stands in the file is the one to judge
    return _Member(info.orig_filename, info.is_dir(), info.file_size, fault, info)


def _extract_tar(path: Path, folder: Path, max_gb: float) -> None:
    with tarfile.open(path, "r:*") as archive:
        members = list(_tar_members(archive, max_gb))
        _check(path, members, max_gb)
        for member in members:
            _write(folder, member, None if member.is_folder else archive.extractfile(member.handle))
        while archive.fileobj is not None and archive.fileobj.read(2**20):
            pass  # to the end, where gzip keeps its checksum


def _tar_members(archive: tarfile.TarFile, max_gb: float) -> Iterator[_Member]:
    """Yield what a tar holds; stop at the first member that is too large, since the next lies behind its bytes."""
    total = 0
    for info in archive:
        fault = "" if info.isdir() or info.isreg() else "is a link or a device"
        total += info.size
        yield _Member(info.name, info.isdir(), info.size, fault, info)
        if total > max_gb * 1e9:
            return


def _check(path: Path, members: list[_Member], max_gb: float) -> None:
    """Raise at the first member that must not be unpacked, and if all together are too large."""
    gigabytes = sum(member.size for member in members) / 1e9
    if gigabytes > max_gb or len(members) > _MAX_MEMBERS:
        raise CourseError(
            f"{path}: would unpack to at least {gigabytes:.3g} GB in {len(members)} files, more than the {max_gb:g} GB "
            f"or {_MAX_MEMBERS} files allowed; if you trust it, raise max_gb, or unpack it by hand"
        )
    seen: set[str] = set()
    for member in members:
        name = f"{member.name[:60]!r}"
        if member.fault:
            raise CourseError(f"{path}: {name} in it {member.fault}; get the archive from its source again")
        pieces = member.name.replace("\\", "/").removesuffix("/").split("/")
        if pieces[:1] == ["."]:  # `tar -c .` begins each name so
            pieces = pieces[1:]
        if not pieces and member.is_folder:
            continue
        if any(piece in ("", ".", "..") for piece in pieces) or re.search(r"[:\x00-\x1f]", member.name):
            raise CourseError(f"{path}: {name} in it leads out of its folder, or nowhere; get it from its source again")
        key = "/".join(pieces).casefold()  # as macOS and Windows compare names
        if key in seen and not member.is_folder:
            raise CourseError(f"{path}: {name} comes twice in it; get the archive from its source again")
        seen.add(key)


def _write(folder: Path, member: _Member, source: IO[bytes] | None) -> None:
    """Write one member, whose name was checked."""
    target = folder.joinpath(*member.name.replace("\\", "/").split("/"))
    if source is None:
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with source, target.open("xb") as file:
        shutil.copyfileobj(source, file, 2**20)
        there = file.tell()
    if there != member.size:
        raise EOFError(f"{member.name[:30]!r} has {there} of {member.size} bytes")
