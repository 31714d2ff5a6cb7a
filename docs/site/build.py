"""Build the reading site from the built notebooks: afterwards open docs/site/_build/html/index.html.

No notebook is executed. Every warning is an error.
"""

import argparse
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

import lessons  # noqa: E402
import reference  # noqa: E402


def write_sources(root: Path, out: Path) -> None:
    """Write everything that Sphinx reads.

    Parameters
    ----------
    root
        The checkout.
    out
        An empty or new folder.
    """
    out.mkdir(parents=True, exist_ok=True)
    lessons.write_lessons(root, out)
    reference.write_facts(out)
    reference.write_zoo(out)
    reference.write_cards(root, out)
    reference.write_guides(root, out)
    reference.write_library(out)
    text = (HERE / "index.md").read_text(encoding="utf-8")
    (out / "index.md").write_text(text.replace("{lessons}", lessons.lesson_table(root)), encoding="utf-8")
    shutil.copyfile(HERE / "library.md", out / "library" / "index.md")


def main() -> int:
    """Build; return 0 when there was no warning."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "_build", help="where to; its html/ is the site")
    parser.add_argument(
        "--links", action="store_true", help="ask the network for every link to elsewhere, and list them"
    )
    arguments = parser.parse_args()
    out, builder = arguments.out.resolve(), "linkcheck" if arguments.links else "html"
    for folder in ("source", "doctrees", "jupyter_execute", builder):
        shutil.rmtree(out / folder, ignore_errors=True)
    write_sources(ROOT, out / "source")
    places = ["-c", str(HERE), "-d", str(out / "doctrees"), str(out / "source"), str(out / builder)]
    return build_main(["--fail-on-warning", "--quiet", "-b", builder, *places])


if __name__ == "__main__":
    sys.exit(main())
