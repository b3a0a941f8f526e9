"""Sphinx configuration."""

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
    "sphinx.ext.mathjax",
]
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
        "user_guide",
        "command_line",
        "method",
        "benchmarks/*",
        "models/*",
        "contributing",
        "changelog",
    )
}
html_theme = "pydata_sphinx_theme"
html_title = "skdeblurbin"
html_static_path = []
html_theme_options = {"navigation_with_keys": False, "secondary_sidebar_items": []}
exclude_patterns = ["_build"]
nitpicky = False
