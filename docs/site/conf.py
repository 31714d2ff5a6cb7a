"""Sphinx settings of the reading site. Nothing is executed, and nothing is fetched from elsewhere when a page is read.

The sources are written by `build.py`; this file says how they look.
"""

import tomllib
from pathlib import Path

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

HERE = Path(__file__).parent
PROJECT = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))

project = "Deep learning in medical imaging"
author = "the maintainers"
project_copyright = "the maintainers. Text and figures CC BY 4.0, code MIT. For teaching, not for clinical use"
version = release = PROJECT["project"]["version"]
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["downloads"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}
default_role = "code"
suppress_warnings = ["ref.python"]  # fields of two classes with one name, such as `stride`: no link is right

nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # explorers stand as still pictures
nb_merge_streams = True
nb_output_stderr = "remove"
myst_enable_extensions = ["attrs_block", "attrs_inline", "dollarmath"]
myst_heading_anchors = 3
myst_update_mathjax = False

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say types with shape, unit and range
autodoc_typehints_format = "short"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
viewcode_line_numbers = False
python_use_unqualified_type_names = True
add_module_names = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = [str(HERE / "static")]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_use_index = False  # the search finds more
html_domain_indices = False
html_context = {"default_mode": "auto"}
html_math_renderer = "mathml"
html_theme_options = {
    "collapse_navbar": True,
    "navbar_persistent": [],  # one search field is enough
    "pygments_dark_style": "github-dark",
    "repository_url": PROJECT["tool"]["course"].get("repository", ""),
    "show_navbar_depth": 1,
    "show_toc_level": 1,
    "use_download_button": False,
    "use_repository_button": bool(PROJECT["tool"]["course"].get("repository", "")),
}


def formula(node: nodes.math | nodes.math_block) -> str:
    """Return a formula as MathML, which browsers draw without a script and screen readers read."""
    text = node.astext().replace("−", "-").replace("·", r"\cdot ")
    try:
        return tex2mathml(text, as_block=isinstance(node, nodes.math_block))
    except MathError as error:
        logging.getLogger(__name__).warning("formula %r: %s", text, error, location=node)
        return ""


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line; no browser breaks one, so a long one scrolls."""
    made = formula(node)
    self.body.append(f'<span class="math-long" tabindex="0">{made}</span>' if len(node.astext()) > 40 else made)
    raise nodes.SkipNode


def visit_math_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on a line of its own; a long one scrolls."""
    self.body.append(f'<div class="math-block" tabindex="0">{formula(node)}</div>\n')
    raise nodes.SkipNode


def plain_property(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep napoleon from reading `Sensitivity, recall: positives that were found` as a type and its meaning."""
    if what == "property" and lines:
        lines[0] = lines[0].replace(": ", " – ", 1)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the formulas, and what is done to docstrings."""
    app.connect("autodoc-process-docstring", plain_property, priority=100)  # before napoleon
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
