"""The files of the register (`registry.toml`) on this machine: where they are, whether they are right, how they come.

A file's name is its path in the register, `flowkit_fcs/100715.fcs`; it lies under the same path in the cache and in a
local copy. What lies in the cache has been checked: by the checksum that its makers or others publish. Where nobody
does, its length and its archive are checked, and its sha256 is kept beside it (`NAME.sha256`) for the next time.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from course_lib.data.download import UNKNOWN, download_file, find_fault
from course_lib.data.registry_file import Entry, find_entries, read_registry
from course_lib.errors import CourseError

__all__ = ["cache_folder", "fetch", "locate_file", "verify_file"]


def locate_file(entry: Entry, *, folder: Path | None = None, data_dir: Path | None = None) -> Path | None:
    """Say where a file lies on this machine, without looking into it.

    Parameters
    ----------
    entry : Entry
        The file.
    folder : Path, optional
        The cache; `cache_folder` by default.
    data_dir : Path, optional
        A local copy, which is asked first; the environment variable COURSE_DATA_DIR by default.

    Returns
    -------
    Path or None
        None if it is in neither.

    Raises
    ------
    CourseError
        If the local copy is no folder.
    """
    setting = str(data_dir or os.environ.get("COURSE_DATA_DIR", ""))
    if setting and not Path(setting).is_dir():
        cure = "correct it" if data_dir else "correct COURSE_DATA_DIR, or unset it to download"
        raise CourseError(f"the local copy of the data is {setting!r}, which is no folder: {cure}")
    places = [Path(setting)] if setting else []
    paths = [place / entry.name for place in (*places, Path(folder or cache_folder()))]
    return next((path for path in paths if path.is_file()), None)


def fetch(
    name: str,
    *,
    folder: Path | None = None,
    data_dir: Path | None = None,
    progress: bool = True,
    registry: Path | None = None,
) -> Path:
    """Give the path of a file of the register, from a local copy, the cache or the network; it has been checked.

    Parameters
    ----------
    name : str
        The entry's name, ``flowkit_fcs/100715.fcs``.
    folder : Path, optional
        The cache; `cache_folder` by default.
    data_dir : Path, optional
        A local copy; the environment variable COURSE_DATA_DIR by default. It is taken first, and never changed.
    progress : bool
        Whether to draw a progress bar.
    registry : Path, optional
        Another register than the course's own.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CourseError
        If the name is unknown or a whole set's, a local copy is another file, or no address gives the file.

    Examples
    --------
    >>> fetch("flowkit_fcs/100716.fcs")
    Traceback (most recent call last):
        ...
    course_lib.errors.CourseError: no data named 'flowkit_fcs/100716.fcs': did you mean 'flowkit_fcs/100715.fcs'?
    """
    entry = find_entries(name, read_registry(registry))[0]
    if entry.name != name:
        raise CourseError(f"{name!r} is a set of files: name one of them, such as {entry.name!r}")
    target = Path(folder or cache_folder()) / entry.name
    found = locate_file(entry, folder=folder, data_dir=data_dir)
    if found is not None:
        fault = verify_file(entry, found, keep_record=found == target)
        if not fault:
            return found
        if found != target or not entry.addresses:
            raise CourseError(f"{found} is not the file of the register ({fault}): replace it, or take it away")
    if not entry.addresses:
        page = f"open {entry.page}, download it by hand" if entry.page else "nobody offers this very file; get a copy"
        raise CourseError(f"{name} has no address to download from: {page}, and put the file at {target}")
    faults = []
    for address in entry.addresses:
        try:
            checksum = _checksum(entry, target)
            download_file(address, target, checksum=checksum, progress=progress)
            if checksum == UNKNOWN:
                verify_file(entry, target, keep_record=True)
            return target
        except CourseError as error:
            faults.append(str(error))
        except OSError as error:
            raise CourseError(f"{target} cannot be written: {error.strerror or error}") from None
    raise CourseError(f"could not get {name}: {'; '.join(faults)}. Try again later, or put the file at {target}")


def verify_file(entry: Entry, path: Path, *, keep_record: bool = False) -> str:
    """Say what is wrong with a file on this machine.

    Parameters
    ----------
    entry : Entry
        What it should be.
    path : Path
        Where it lies.
    keep_record : bool
        Whether a file without a published checksum is remembered by its sha256 in ``NAME.sha256`` beside it. A record
        that is there is always compared.

    Returns
    -------
    str
        A few words; empty if nothing is wrong.
    """
    checksum = _checksum(entry, path)
    try:
        fault = find_fault(path, checksum)
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    if keep_record and checksum == UNKNOWN and not fault:
        import pooch

        new = path.with_name(f"{path.name}.sha256.new")
        with suppress(OSError):  # a cache that only others may write to needs no record
            new.write_text(f"{pooch.file_hash(str(path))}  {path.name}\n", encoding="utf-8")
            os.replace(new, _record(path))
    return fault


def cache_folder() -> Path:
    """Give the folder that downloads go to: ``datasets/`` of a checkout, the user's cache of an installed course.

    Returns
    -------
    Path
        It need not exist yet.

    Examples
    --------
    >>> cache_folder().is_absolute()
    True
    """
    checkout = Path(__file__).parents[2]
    if (checkout / "pyproject.toml").is_file() and (checkout / "datasets").is_dir():
        return checkout / "datasets"
    import pooch

    return Path(pooch.os_cache("course_lib"))


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _checksum(entry: Entry, path: Path) -> str:
    """Give the published checksum, else the one of its first download, which `sha256sum --check` reads too."""
    if entry.checksum != UNKNOWN or not _record(path).is_file():
        return entry.checksum
    digits = _record(path).read_text(encoding="utf-8", errors="replace").partition(" ")[0]
    return f"sha256:{digits}" if re.fullmatch("[0-9a-f]{64}", digits) else UNKNOWN
