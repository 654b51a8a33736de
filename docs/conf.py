"""The site: Sphinx, because autodoc reads our docstrings, and it, MyST and furo are kept up (MkDocs 1.x is not)."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# This checkout, not another one that may be installed.
sys.path[:0] = [str(ROOT), str(ROOT / "docs/_ext")]

from unlearnzoo import __version__  # noqa: E402 - the path first

project, release = "unlearnzoo", __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click", "from_code"]
exclude_patterns = ["_ext"]
# Docstrings are written to be read as text, where `this` is code.
default_role = "code"
# A block without a language is what a terminal shows.
highlight_language = "text"

html_theme = "furo"
html_title = f"unlearnzoo {release}"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_static_path, html_css_files = ["_static"], ["site.css"]

myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
add_module_names = False
napoleon_custom_sections = [("Attributes", "params_style")]
# The signature shows the types of a dataclass's attributes already.
napoleon_attr_annotations = False

# GitHub knows languages that Pygments does not (csv).
suppress_warnings = ["misc.highlighting_failure"]
nitpicky = True
# Other libraries' types: their sites are not read, so that a build needs no network.
nitpick_ignore_regex = [
    ("py:.*", r"(Tensor|Image|RecordBatch|np|numpy|torch|click|pathlib|collections\.abc|abc)(\..*)?"),
    # What a Trainer is made of; an author is handed one and makes none.
    ("py:.*", r"unlearnzoo\.training\.(engine\.Engine|recipe\.Unlearn)"),
    ("py:.*", r"unlearnzoo\.training\.(reference\.Reference|checkpointing\.checkpointer\.Checkpointer)"),
    # What a run returns: its keys have a page of their own.
    ("py:.*", r"unlearnzoo\.records\.types\.RunRecord"),
    ("py:.*", r"(Path|Any|Mapping|Sequence|Iterable|Callable|optional|pluggy\..*)"),
]
