from course_lib.classroom.fork_server import LIBRARIES, libraries_named


def test_the_libraries_that_cells_import_are_found_in_every_form():
    cells = [
        "import os, torch as t, numpy",
        "if x:\n    from sklearn.svm import SVC",
        "from course_lib.data.images import a",
    ]
    assert libraries_named(cells) == ["numpy", "sklearn", "torch", "course_lib.data"]


def test_what_an_optimiser_asks_for_is_found_however_it_is_named():
    for cell in ("there('torch.optim.SGD')", "import torch.optim as o", "from torch import nn, optim"):
        assert "torch.optim" in libraries_named([cell])
    assert "torch.optim" not in libraries_named(["import torch"])


def test_what_is_not_known_or_not_an_import_is_left_out():
    cells = [
        "import evil, torchvision",
        "# import torch",
        "text = 'import torch'",
        "from . import x",
        "import",
        "import ,",
        "%x",
    ]
    assert libraries_named(cells) == []


def test_every_library_is_imported_by_names_below_its_own():
    besides = ("lightning_fabric", "ipywidgets", "course_lib.classroom.later")
    assert all(
        name.split(".")[0] == key.split(".")[0] or name in besides for key in LIBRARIES for name in LIBRARIES[key]
    )
