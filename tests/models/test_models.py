"""The map of the zoo."""

import re
import subprocess
import sys
from pathlib import Path

from course_lib import models


def test_the_map_names_every_file() -> None:
    files = {path.stem for path in Path(models.__file__).parent.glob("*.py")} - {"__init__"}
    assert set(re.findall(r"^`(\w+)`", models.__doc__ or "", flags=re.MULTILINE)) == files


def test_one_net_loads_no_other() -> None:
    code = "import sys, course_lib.models.vgg; print(*sorted(n for n in sys.modules if n.startswith('course_lib.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["course_lib.models", "course_lib.models.inputs", "course_lib.models.vgg"]
