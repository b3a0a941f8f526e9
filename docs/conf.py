"""Sphinx configuration."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

import skdeblurbin

project = "skdeblurbin"
copyright = "2026, the skdeblurbin developers"
release = version = skdeblurbin.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "sphinx_gallery.gen_gallery",
]
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    # sphinx-build -D plot_gallery=1 runs them, for their pictures.
    "plot_gallery": "False",
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "within_subsection_order": "ExampleTitleSortKey",
}
myst_heading_anchors = 3
extlinks = {
    "doi": ("https://doi.org/%s", "doi:%s"),
}
autosummary_generate = True
numpydoc_class_members_toctree = False
numpydoc_show_inherited_class_members = False
# torch's and scikit-learn's inherited members are documented by themselves.
numpydoc_show_class_members = False
templates_path = ["_templates"]
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc says more
html_sidebars = {
    page: []
    for page in (
        "install",
        "quickstart",
        "user_guide",
        "your_data",
        "training_curves",
        "scikit_learn",
        "command_line",
        "deploying",
        "method",
        "drawn_plates",
        "reliability",
        "benchmarks/*",
        "models/*",
        "contributing",
        "changelog",
    )
}
smartquotes = False  # which makes another dash of that of options
html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "skdeblurbin"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_theme_options = {"navigation_with_keys": False, "secondary_sidebar_items": []}
exclude_patterns = ["_build"]
nitpicky = False


def setup(app: Sphinx) -> None:
    """Draw the pictures that are made from the code, before pages are read."""
    here = Path(__file__).parent
    sys.path.insert(0, str(here))
    from drawings import architecture, formulas, method

    formulas.add_to(app)
    folder = here / "generated"
    folder.mkdir(exist_ok=True)
    architecture.draw(folder / "architecture.png")
    method.draw(folder)
