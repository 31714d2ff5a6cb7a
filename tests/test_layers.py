"""The layer table of the house, read from the imports themselves."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "course_lib"

# room: the rooms that it may import from (itself always)
LAYERS = {
    "errors": set(),
    "arithmetic": set(),
    "models": {"arithmetic", "errors"},
    "summary": {"arithmetic", "errors"},
    "metrics": {"errors"},
    "data": {"errors"},
    "training": {"metrics", "errors"},
    "brain_age": {"metrics", "training", "models", "data", "errors"},
    "losses": {"errors", "metrics"},
    "explain": {"errors", "metrics"},
    "figures": {"arithmetic", "models", "summary", "metrics", "data", "training", "errors"},
    "widgets": {"arithmetic", "models", "summary", "metrics", "data", "training", "figures", "errors"},
    "classroom": {"data", "errors"},
}


def _modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(source: str, package: str) -> set[str]:
    """Rooms of course_lib that a module's source imports, at any depth and in any form."""
    rooms = set()
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            base = ".".join(parents[: len(parents) - node.level + 1]) + "." if node.level else ""
            module = (base + (node.module or "")).rstrip(".")
            names = [f"{module}.{alias.name}" for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("course_lib.") and name.count(".")}
    return rooms


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_the_rooms_below_it(path: Path) -> None:
    room = _room(path)
    assert room in LAYERS, f"{path}: a new room; give it a row in the layer table of README and of this test"
    package = ".".join(["course_lib", *path.relative_to(PACKAGE).parent.parts])
    found = imported_rooms(path.read_text(encoding="utf-8"), package) - {room}
    found -= {name for name in found if name.startswith("__")}
    assert found <= LAYERS[room], f"{path} imports {sorted(found - LAYERS[room])}, which its layer does not allow"


def test_the_classroom_meets_the_data_in_one_file_and_inside_its_functions() -> None:
    for path in (path for path in _modules() if _room(path) == "classroom"):
        source = path.read_text(encoding="utf-8")
        if "data" not in imported_rooms(source, "course_lib.classroom"):
            continue
        assert path.name == "data_commands.py", f"{path} imports course_lib.data: only data_commands.py may"
        at_import = [
            ast.unparse(node)
            for node in ast.parse(source).body
            if isinstance(node, ast.Import | ast.ImportFrom) and "course_lib.data" in ast.unparse(node)
        ]
        assert not at_import, f"{path} imports course_lib.data where it is itself imported: {at_import}"


def test_the_import_reader_sees_every_form_of_import() -> None:
    source = "import course_lib.data\nfrom course_lib import metrics\ndef f():\n    from ..figures import show\n"
    assert imported_rooms(source, "course_lib.models") == {"data", "metrics", "figures"}


def test_the_layer_table_of_the_readme_is_the_tested_one() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for room, allowed in LAYERS.items():
        row = f"| `{room}` | {', '.join(sorted(allowed)) or 'nothing of ours'} |"
        assert row in readme, f"README's layer table lacks the row: {row}"


def test_arithmetic_needs_only_the_standard_library() -> None:
    tree = ast.parse((PACKAGE / "arithmetic.py").read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {(node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or "" for node in imports}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names)


def test_the_classroom_never_loads_torch_by_itself() -> None:
    modules = [
        ".".join(["course_lib", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
        for path in _modules()
        if _room(path) == "classroom"
    ]
    code = "import importlib, sys\n"
    code += "".join(f"importlib.import_module({name!r})\n" for name in modules)
    code += "heavy = {'torch', 'sklearn', 'lightning_fabric'} & set(sys.modules)\nassert not heavy, heavy\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_data_commands_never_load_torch() -> None:
    code = "import sys\nfrom course_lib.classroom.cli import main\nassert main(['data', 'list']) == 0\n"
    code += "import course_lib.data\nheavy = {'torch', 'sklearn', 'lightning_fabric'} & set(sys.modules)\n"
    code += "assert not heavy, heavy\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_package_itself_imports_nothing() -> None:
    code = "import sys; before = set(sys.modules); import course_lib; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["course_lib"]
