"""The register of data sets (`registry.toml`), and the one function that fetches a file of it.

A file's name is its path in the register, `flowkit_fcs/100715.fcs`; it lies under the same path in the cache and in a
local copy. pooch downloads to a temporary file and moves it to its place only when its checksum is right, so a file
in the cache is always whole. A download that broke off starts again from its beginning.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from course_lib.errors import CourseError

__all__ = ["Entry", "fetch", "read_registry"]

REGISTRY = Path(__file__).with_name("registry.toml")
TIMEOUT_S = 30


@dataclass(frozen=True)
class Entry:
    """One file of a data set.

    Parameters
    ----------
    name : str
        Data set and path in it: ``flowkit_fcs/100715.fcs``.
    what, modality : str
        What it shows, and by which method it was made.
    size_mb : float
        Size in megabytes (10⁶ bytes).
    addresses : tuple of str
        Where it can be downloaded, tried in this order; empty if nobody may or does offer this very file.
    sha256 : str
        The checksum, 64 hexadecimal digits.
    licence, citation : str
        Under which licence, stated by whom; whom to cite.
    card : str
        What to be careful about.
    """

    name: str
    what: str
    modality: str
    size_mb: float
    addresses: tuple[str, ...]
    sha256: str
    licence: str
    citation: str
    card: str


def read_registry(path: Path | None = None) -> dict[str, Entry]:
    """Read the register: a table ``[sets.NAME]`` for what all files of a set share, and a line a file.

    Parameters
    ----------
    path : Path, optional
        Another register than the course's own.

    Returns
    -------
    dict
        The entries by name, in the order of the file.

    Raises
    ------
    CourseError
        If the file cannot be read, or a set lacks something (above all its licence).

    Examples
    --------
    >>> read_registry()["pneumoniamnist_modified/pneumoniamnist.npz"].modality
    'chest X-ray'
    """
    path = Path(path or REGISTRY)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CourseError(f"{path}: a register of data in TOML is needed, but it cannot be read: {error}") from None
    sets = tables.get("sets")
    if not isinstance(sets, dict) or not all(isinstance(table, dict) for table in sets.values()):
        raise CourseError(f"{path}: a register of data has a table [sets.NAME] for each data set, and this has none")
    found = [_entry(path, name, table, line) for name, table in sets.items() for line in _lines(path, name, table)]
    return {entry.name: entry for entry in found}


def fetch(name: str, *, folder: Path | None = None, progress: bool = True, registry: Path | None = None) -> Path:
    """Give the path of a file of the register, from a local copy, the cache or the network; its checksum is right.

    Parameters
    ----------
    name : str
        The entry's name, ``flowkit_fcs/100715.fcs``.
    folder : Path, optional
        The cache; else ``datasets/`` of the checkout, or the user's cache where the course is installed.
        A copy in the folder that the environment variable COURSE_DATA_DIR names is taken first, and never changed.
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
        If the name is unknown, a local copy is another file, or no address gives the file.

    Examples
    --------
    >>> fetch("flowkit_fcs/100716.fcs")
    Traceback (most recent call last):
        ...
    course_lib.errors.CourseError: no data named 'flowkit_fcs/100716.fcs': did you mean 'flowkit_fcs/100715.fcs'?
    """
    entry = _find(name, read_registry(registry))
    local = _local_copy(entry)
    if local is not None:
        return local
    target = Path(folder or _cache_folder()) / entry.name
    faults = []
    for address in entry.addresses:
        fault = _download(entry, address, target, progress)
        if not fault:
            return target
        faults.append(f"{address} {fault}")
    # A file that people must get by themselves may have been put into the cache.
    if not entry.addresses and target.is_file():
        return _checked(entry, target)
    tried = "; ".join(faults) or "it has no address to download from"
    raise CourseError(f"could not get {name}: {tried}. Try again later, or put the file at {target}")


def _find(name: str, entries: Mapping[str, Entry]) -> Entry:
    if name in entries:
        return entries[name]
    near = difflib.get_close_matches(str(name), entries, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"the names are {', '.join(entries)}"
    raise CourseError(f"no data named {name!r}: {hint}")


def _local_copy(entry: Entry) -> Path | None:
    setting = os.environ.get("COURSE_DATA_DIR")
    if not setting:
        return None
    if not Path(setting).is_dir():
        raise CourseError(f"COURSE_DATA_DIR is {setting!r}, which is no folder: correct it, or unset it to download")
    path = Path(setting) / entry.name
    return _checked(entry, path) if path.is_file() else None


def _checked(entry: Entry, path: Path) -> Path:
    import pooch  # here, since listing the register does not need it

    if pooch.file_hash(str(path)) != entry.sha256:
        raise CourseError(f"{path} is not the file of the register (another sha256): replace it, or take it away")
    return path


def _cache_folder() -> Path:
    checkout = Path(__file__).parents[2]
    if (checkout / "pyproject.toml").is_file() and (checkout / "datasets").is_dir():
        return checkout / "datasets"
    import pooch

    return Path(pooch.os_cache("course_lib"))


def _download(entry: Entry, address: str, target: Path, progress: bool) -> str:
    """Download to the target, unless it is there and right; say what went wrong, or nothing."""
    import pooch
    from requests import exceptions  # what pooch downloads with

    download = pooch.HTTPDownloader(progressbar=progress, chunk_size=2**16, timeout=TIMEOUT_S)

    def save(url: str, file: str, caller: object) -> None:
        download(url, file, caller)
        os.chmod(file, 0o644)  # pooch's temporary file is the owner's alone; a class may share a cache

    log = pooch.get_logger()
    level = log.level
    log.setLevel("WARNING")  # the bar says it already, or nobody wants to hear it
    try:
        pooch.retrieve(address, f"sha256:{entry.sha256}", target.name, target.parent, downloader=save)
    except exceptions.HTTPError as error:
        return f"answered {error.response.status_code if error.response is not None else 'with an error'}"
    except exceptions.ChunkedEncodingError:
        return "broke off: the file came truncated"
    except exceptions.Timeout:
        return f"did not answer in {TIMEOUT_S} s"
    except exceptions.RequestException as error:
        stalled = "timed out" in str(error)  # in the middle of a file requests has no type for it
        return f"stopped answering for {TIMEOUT_S} s" if stalled else f"is unreachable ({type(error).__name__})"
    except ValueError:
        return "gave another file than the register's (wrong sha256: corrupted or changed)"
    except OSError as error:
        raise CourseError(f"{target} cannot be written: {error.strerror or error}") from None
    finally:
        log.setLevel(level)
    return ""


def _lines(path: Path, name: str, table: dict[str, object]) -> list[dict[str, object]]:
    files = table.get("files")
    if not isinstance(files, list) or not files or not all(isinstance(line, dict) for line in files):
        raise CourseError(f"{path}: the set {name} needs files = [{{...}}], at least one")
    return files


def _entry(path: Path, set_name: str, table: dict[str, object], line: dict[str, object]) -> Entry:
    """Make one entry of what its set shares and its own line; the line wins."""
    facts = {key: value for key, value in {**table, **line}.items() if key not in ("files", "bases")}
    where = f"{path}: {set_name}/{facts.get('file', '?')}"
    for key in ("licence", "file", "what", "modality", "sha256", "citation", "card"):
        if not (isinstance(facts.get(key), str) and str(facts[key]).strip()):
            raise CourseError(f"{where} has no {key}: every file of the register needs one, as text")
    file, sha256, size_mb = str(facts["file"]), str(facts["sha256"]), facts.get("size_mb")
    name = f"{set_name}/{file}"
    pieces = PurePosixPath(name)
    if "" in name.split("/") or pieces.is_absolute() or ".." in pieces.parts or re.search(r"[\\:]", name):
        raise CourseError(f"{where} leaves its folder: a path in the register is relative, without '..'")
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise CourseError(f"{where}: sha256 is 64 hexadecimal digits, got {sha256!r}")
    if isinstance(size_mb, bool) or not isinstance(size_mb, int | float) or not size_mb > 0:
        raise CourseError(f"{where}: size_mb is a number above 0, got {size_mb!r}")
    addresses = _addresses(where, table.get("bases", []), str(facts.get("source", file)))
    texts = {key: str(facts[key]) for key in ("what", "modality", "licence", "citation", "card")}
    return Entry(name=name, size_mb=float(size_mb), addresses=addresses, sha256=sha256, **texts)


def _addresses(where: str, bases: object, source: str) -> tuple[str, ...]:
    if not isinstance(bases, list) or not all(re.match("https?://.+/$", str(base)) for base in bases):
        raise CourseError(f"{where}: bases are a list of addresses http(s)://…/ that end in '/', got {bases!r}")
    return tuple(f"{base}{source}" for base in bases)
