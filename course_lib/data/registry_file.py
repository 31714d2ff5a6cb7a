"""How the register of data sets (`registry.toml`) is read, and refused where something is missing."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from course_lib.errors import CourseError

__all__ = ["Entry", "find_entries", "read_registry"]

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
