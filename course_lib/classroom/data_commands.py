"""The commands `course data list | get | verify`: parse, call, print.

The only file of the classroom that may import from `course_lib.data`, and only inside its functions: the register loads
no torch.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.errors import CourseError

if TYPE_CHECKING:
    from course_lib.data.registry_file import Entry

__all__ = ["add_data"]

_NAME = "a set, such as flowkit_fcs, or a file of it, such as flowkit_fcs/data1.fcs"


def add_data(commands: Any) -> None:
    """Add `course data list | get | verify`."""
    parser = commands.add_parser("data", help="list, download and verify the public data sets")
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = actions.add_parser(
        "list",
        help="say which sets there are, under which licence, and what of them is on this machine",
        description="Say which sets there are, under which licence, and what of them is on this machine. Nothing is "
        "read or downloaded: `verify` looks into the files.",
    )
    listing.add_argument("name", nargs="?", metavar="NAME", help=f"{_NAME}: its files, who made it, what to be wary of")
    get = actions.add_parser(
        "get",
        help="download a set or a file, and check it",
        description="Download what is not here yet. A download that broke off goes on where it was; a file takes its "
        "name only when its checksum is right. Sets that a person must get are named with their page.",
    )
    get.add_argument("name", metavar="NAME", help=_NAME)
    get.add_argument("--extract", action="store_true", help="unpack each archive where downloads go")
    verify = actions.add_parser(
        "verify",
        help="compare the files on this machine with their checksums",
        description="Compare the files on this machine with their checksums. Exit status 1 if one is wrong.",
    )
    verify.add_argument("name", nargs="?", metavar="NAME", help=f"{_NAME}; all by default")
    for action, command in ((listing, _list), (get, _get), (verify, _verify)):
        action.add_argument(
            "--data-dir", metavar="DIR", type=Path, help="a local copy, looked at first; COURSE_DATA_DIR by default"
        )
        action.add_argument(
            "--folder", metavar="DIR", type=Path, help="where downloads go; datasets/ of the checkout by default"
        )
        action.set_defaults(command=command)


def _list(options: argparse.Namespace) -> int:
    from course_lib.data.registry_file import find_entries, read_registry

    entries = read_registry()
    if not options.name:
        groups: dict[str, list[Entry]] = {}
        for entry in entries.values():
            groups.setdefault(entry.set_name, []).append(entry)
        rows = [
            (name, _shared(one.modality for one in group), _size(group), _licence(group), _state(group, options))
            for name, group in groups.items()
        ]
        _print_table(("set", "modality", "size", "licence", "state"), rows)
        print("course data list SET says more of one; course data get SET downloads it.")
        return 0
    chosen = find_entries(options.name, entries)
    first = chosen[0]
    print(f"{options.name}: {_shared(one.modality for one in chosen)}, {_size(chosen)}")
    for title, texts in (
        ("licence", dict.fromkeys(one.licence for one in chosen)),
        ("cite", dict.fromkeys(one.citation for one in chosen)),
        ("be careful", dict.fromkeys(one.card for one in chosen)),
        ("page", dict.fromkeys(one.page for one in chosen if one.page)),
        ("card", [f"datasets/{first.set_name}.md"]),
    ):
        for text in texts:
            print(f"{title:10}  {text}")
    print()
    rows = [(one.name, one.what, _size([one]), _checksum(one), _state([one], options)) for one in chosen]
    _print_table(("file", "what", "size", "checksum", "state"), rows)
    return 0


def _get(options: argparse.Namespace) -> int:
    from course_lib.data.registry import cache_folder, fetch, locate_file
    from course_lib.data.registry_file import find_entries, read_registry

    chosen = find_entries(options.name, read_registry())
    where = {"folder": options.folder, "data_dir": options.data_dir}
    missing = [one for one in chosen if locate_file(one, **where) is None]
    coming = [one for one in missing if one.addresses]
    if coming:
        folder = options.folder or cache_folder()
        _check_room(folder, coming)
        print(f"{len(coming)} of {_files(chosen)} to download, {_size(coming)}, to {folder}", file=sys.stderr)
    status = 0
    for one in chosen:
        try:
            path = fetch(one.name, progress=sys.stderr.isatty(), **where)
        except CourseError as error:  # the others may be there; a person must get some by hand
            print(f"course: {error}", file=sys.stderr)
            status = 2
            continue
        note = "" if one.checksum != "unknown" else " (nobody publishes its checksum)"
        print(f"✓ {path}{note}", flush=True)
        if options.extract:
            _extract(path, Path(options.folder or cache_folder()) / one.name)
    return status


def _verify(options: argparse.Namespace) -> int:
    from course_lib.data.registry import cache_folder, locate_file, verify_file
    from course_lib.data.registry_file import find_entries, read_registry

    entries = read_registry()
    chosen = find_entries(options.name, entries) if options.name else list(entries.values())
    cache = options.folder or cache_folder()
    right = wrong = 0
    for one in chosen:
        path = locate_file(one, folder=options.folder, data_dir=options.data_dir)
        if path is None:
            if options.name:
                print(f"- {one.name}: missing")
            continue
        fault = verify_file(one, path, keep_record=path == Path(cache) / one.name)
        right, wrong = right + (not fault), wrong + bool(fault)
        print(f"✗ {path}: wrong ({fault})" if fault else f"✓ {path}: right{_unpublished(one)}", flush=True)
    print(f"{right} right, {wrong} wrong, {len(chosen) - right - wrong} missing of {_files(chosen)}")
    return 1 if wrong else 0


def _unpublished(one: Entry) -> str:
    return "" if one.checksum != "unknown" else ", as far as can be told: nobody publishes its checksum"


def _extract(path: Path, place: Path) -> None:
    """Unpack an archive beside its place in the cache, unless that has been done; a local copy is never changed."""
    from course_lib.data.archives import extract_archive

    stem = next((path.name.removesuffix(end) for end in (".tar.gz", ".tar", ".zip") if path.name.endswith(end)), "")
    if stem and not place.with_name(stem).exists():
        print(f"  unpacked into {extract_archive(path, place.with_name(stem))}", flush=True)


def _check_room(folder: Path, coming: Sequence[Entry]) -> None:
    import shutil

    place = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    needed, free = sum(one.size_mb or 0 for one in coming), shutil.disk_usage(place).free / 1e6
    if needed > free:
        raise CourseError(
            f"{folder} has {_megabytes(free)} free, and {_megabytes(needed)} are to come: make room, or name another "
            "folder with --folder"
        )


def _state(group: Sequence[Entry], options: argparse.Namespace) -> str:
    """Say where the files of a set are: the same word for all, or how many are here."""
    from course_lib.data.registry import cache_folder, locate_file

    places = [locate_file(one, folder=options.folder, data_dir=options.data_dir) for one in group]
    cache = Path(options.folder or cache_folder())
    local = "in --data-dir" if options.data_dir else "in COURSE_DATA_DIR"
    words = [
        ("here" if path == cache / one.name else local)
        if path is not None
        else "not downloaded"
        if one.addresses
        else "by hand"
        if one.page
        else "local copies only"
        for one, path in zip(group, places, strict=True)
    ]
    return ", ".join(word if len(set(words)) == 1 else f"{words.count(word)} {word}" for word in dict.fromkeys(words))


def _size(group: Sequence[Entry]) -> str:
    known = [one.size_mb for one in group if one.size_mb is not None]
    if not known:
        return "?"
    return ("" if len(known) == len(group) else "over ") + _megabytes(sum(known))


def _megabytes(size_mb: float) -> str:
    if size_mb < 1:
        return f"{size_mb * 1000:.3g} kB"
    return f"{size_mb / 1000:,.1f} GB" if size_mb >= 1000 else f"{size_mb:.3g} MB"


def _licence(group: Sequence[Entry]) -> str:
    """Shorten the licence to its name; who states it stands in the set's own list."""
    return _shared(one.licence.partition(" (")[0] for one in group)


def _checksum(one: Entry) -> str:
    return one.checksum.partition(":")[0]


def _shared(texts: Any) -> str:
    """Give what all have, or the first and how many more there are."""
    first, *others = dict.fromkeys(texts)
    return f"{first} and {len(others)} more" if others else first


def _files(group: Sequence[Entry]) -> str:
    return "1 file" if len(group) == 1 else f"{len(group)} files"


def _print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print plain columns, which a person and `grep` can read; the columns between the first and the last are cut."""
    table = [(row[0], *(_cut(text) for text in row[1:-1]), row[-1]) for row in (titles, *rows)]
    widths = [max(len(row[place]) for row in table) for place in range(len(titles))]
    for row in table:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _cut(text: str, limit: int = 48) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
