"""The register of data sets (`registry.toml`), and the one function that gives a file of it.

A file's name is its path in the register, `flowkit_fcs/100715.fcs`; it lies under the same path in the cache and in a
local copy. What lies in the cache has been checked: by the checksum that its makers or others publish. Where nobody
does, its length and its archive are checked, and its sha256 is kept beside it (`NAME.sha256`) for the next time.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from course_lib.data.download import UNKNOWN, download, find_fault
from course_lib.errors import CourseError

__all__ = ["Entry", "cache_folder", "fetch", "find_entries", "locate", "read_registry", "verify"]

REGISTRY = Path(__file__).with_name("registry.toml")


@dataclass(frozen=True)
class Entry:
    """One file of a data set.

    Parameters
    ----------
    name : str
        Data set and path in it: ``flowkit_fcs/100715.fcs``.
    what, modality : str
        What it shows, and by which method it was made.
    size_mb : float or None
        Size in megabytes (10⁶ bytes); None where it is not known before the download.
    addresses : tuple of str
        Where it can be downloaded, tried in this order; empty if a person must get it.
    page : str
        The page where a person gets it, or reads about it; empty if nobody offers this very file.
    checksum : str
        ``sha256:`` or ``md5:`` and hexadecimal digits, or ``unknown`` where nobody publishes one.
    licence, citation : str
        Under which licence, stated by whom; whom to cite.
    card : str
        What to be careful about.
    """

    name: str
    what: str
    modality: str
    size_mb: float | None
    addresses: tuple[str, ...]
    page: str
    checksum: str
    licence: str
    citation: str
    card: str

    @property
    def set_name(self) -> str:
        """The data set it belongs to, which also names the card ``datasets/SET.md``."""
        return self.name.partition("/")[0]


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
    found: dict[str, Entry] = {}
    for name, table in sets.items():
        for line in _lines(path, name, table):
            entry = _entry(path, name, table, line)
            if entry.name in found:
                raise CourseError(f"{path}: {entry.name} is there twice: every file has one line")
            found[entry.name] = entry
    return found


def find_entries(name: str, entries: Mapping[str, Entry]) -> list[Entry]:
    """Find one file of the register, or all files of a set or of a folder in it.

    Parameters
    ----------
    name : str
        ``flowkit_fcs/100715.fcs`` or ``flowkit_fcs``.
    entries : mapping
        The register.

    Returns
    -------
    list of Entry
        At least one, in the order of the register.

    Raises
    ------
    CourseError
        If there is nothing of that name; the nearest name is given.

    Examples
    --------
    >>> [entry.name for entry in find_entries("flowkit_fcs", read_registry())]
    ['flowkit_fcs/100715.fcs', 'flowkit_fcs/data1.fcs']
    """
    found = [entry for entry in entries.values() if f"{entry.name}/".startswith(f"{str(name).rstrip('/')}/")]
    if found:
        return found
    sets = list(dict.fromkeys(entry.set_name for entry in entries.values()))
    near = difflib.get_close_matches(str(name), [*sets, *entries], n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"the sets are {', '.join(sets)}"
    raise CourseError(f"no data named {name!r}: {hint}")


def locate(entry: Entry, *, folder: Path | None = None, data_dir: Path | None = None) -> Path | None:
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
    found = locate(entry, folder=folder, data_dir=data_dir)
    if found is not None:
        fault = verify(entry, found, keep_record=found == target)
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
            download(address, target, checksum=checksum, progress=progress)
            if checksum == UNKNOWN:
                verify(entry, target, keep_record=True)
            return target
        except CourseError as error:
            faults.append(str(error))
        except OSError as error:
            raise CourseError(f"{target} cannot be written: {error.strerror or error}") from None
    raise CourseError(f"could not get {name}: {'; '.join(faults)}. Try again later, or put the file at {target}")


def verify(entry: Entry, path: Path, *, keep_record: bool = False) -> str:
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
    fault = find_fault(path, checksum)
    if keep_record and checksum == UNKNOWN and not fault:
        import pooch

        new = path.with_name(f"{path.name}.sha256.new")
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


def _lines(path: Path, name: str, table: dict[str, object]) -> list[dict[str, object]]:
    files = table.get("files")
    if not isinstance(files, list) or not files or not all(isinstance(line, dict) for line in files):
        raise CourseError(f"{path}: the set {name} needs files = [{{...}}], at least one")
    return files


def _entry(path: Path, set_name: str, table: dict[str, object], line: dict[str, object]) -> Entry:
    """Make one entry of what its set shares and its own line; the line wins."""
    facts = {key: value for key, value in {**table, **line}.items() if key != "files"}
    where = f"{path}: {set_name}/{facts.get('file', '?')}"
    needed = ("licence", "file", "what", "modality", "checksum", "citation", "card")
    known = {*needed, "page", "bases", "source", "size_mb"}
    for key in facts:
        if key not in known:
            raise CourseError(f"{where}: there is no {key!r} in a register, only {', '.join(sorted(known))}")
    for key in needed:
        if not (isinstance(facts.get(key), str) and str(facts[key]).strip()):
            raise CourseError(f"{where} has no {key}: every file of the register needs one, as text")
    file, checksum, size_mb, page = (
        str(facts["file"]),
        str(facts["checksum"]),
        facts.get("size_mb"),
        facts.get("page", ""),
    )
    name = f"{set_name}/{file}"
    pieces = PurePosixPath(name)
    if "" in name.split("/") or pieces.is_absolute() or ".." in pieces.parts or re.search(r"[\\:]", name):
        raise CourseError(f"{where} leaves its folder: a path in the register is relative, without '..'")
    if not re.fullmatch("sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}|unknown", checksum):
        raise CourseError(f"{where}: checksum is sha256: or md5: and its digits, or 'unknown', got {checksum!r}")
    if not (size_mb is None or (isinstance(size_mb, int | float) and size_mb is not True and 0 < size_mb < 1e9)):
        raise CourseError(f"{where}: size_mb is a number above 0, got {size_mb!r}")
    if not isinstance(page, str) or (page and not re.match("https?://.", page)):
        raise CourseError(f"{where}: page is an address http(s)://…, got {page!r}")
    return Entry(
        name=name,
        size_mb=None if size_mb is None else float(size_mb),
        addresses=_addresses(where, facts.get("bases", []), str(facts.get("source", file))),
        page=page,
        checksum=checksum,
        **{key: str(facts[key]) for key in ("what", "modality", "licence", "citation", "card")},
    )


def _addresses(where: str, bases: object, source: str) -> tuple[str, ...]:
    if not isinstance(bases, list) or not all(re.match("https?://.+/$", str(base)) for base in bases):
        raise CourseError(f"{where}: bases are a list of addresses http(s)://…/ that end in '/', got {bases!r}")
    return tuple(f"{base}{source}" for base in bases)
