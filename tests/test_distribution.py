"""What is installed holds all that users need: fonts, licences, types."""

from importlib import metadata, resources

import skdeblurbin

FONTS = resources.files("skdeblurbin") / "datasets" / "fonts"


def test_fonts_and_their_licences():
    names = [entry.name for entry in FONTS.iterdir()]
    fonts = [name.removesuffix(".ttf") for name in names if name.endswith(".ttf")]
    assert len(fonts) >= 5
    for font in fonts:
        licence = (FONTS / f"{font}-LICENSE.txt").read_text(encoding="utf-8")
        assert "SIL OPEN FONT LICENSE" in licence.upper()


def test_typed():
    assert (resources.files("skdeblurbin") / "py.typed").is_file()


def test_licences_are_declared_and_shipped():
    about = metadata.metadata("skdeblurbin")
    assert about["License-Expression"] == "BSD-3-Clause AND OFL-1.1"
    declared = about.get_all("License-File")
    assert "LICENSE" in declared
    fonts = [name for name in declared if "fonts" in name]
    assert len(fonts) >= 5
    shipped = {str(path) for path in metadata.files("skdeblurbin")}
    for name in declared:
        assert any(path.endswith(f"licenses/{name}") for path in shipped)


def test_requirements_have_no_upper_caps():
    for requirement in metadata.requires("skdeblurbin"):
        version = requirement.split(";")[0]
        assert "<" not in version
        assert "==" not in version


def test_version_is_the_installed_one():
    assert metadata.version("skdeblurbin") == skdeblurbin.__version__


def test_public_names():
    assert set(skdeblurbin.__all__) <= set(dir(skdeblurbin))
    for name in skdeblurbin.__all__:
        assert getattr(skdeblurbin, name) is not None
