"""What notebooks show: scikit-learn's table, with links to our pages and a summary."""

import html
import re
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdeblurbin import (
    GANBinarizer,
    OtsuBinarizer,
    SauvolaBinarizer,
    WienerBinarizer,
)

CLASSICAL = (OtsuBinarizer, SauvolaBinarizer, WienerBinarizer)
DOCS = Path(__file__).parents[1] / "docs"
EVIL = "<script>alert('ink')</script>"


def fitted_table(estimator):
    """Name, type and value of each row of all tables of fitted attributes."""
    shown = estimator._repr_html_()
    rows = {}
    for part in shown.split("<summary>Fitted attributes</summary>")[1:]:
        for row in re.findall(r"<tr class=\"default\">(.*?)</tr>", part, re.S):
            cells = re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)
            # The tooltip's text is left out.
            cells = [
                re.sub(r"<span.*?</span>|<[^>]*>", "", c, flags=re.S) for c in cells
            ]
            name, *others = (html.unescape(" ".join(cell.split())) for cell in cells)
            rows[name] = others
    return rows


@pytest.mark.parametrize("kind", [GANBinarizer, *CLASSICAL])
def test_an_unfitted_estimator_has_its_parameters_and_a_link(kind):
    shown = kind()._repr_html_()
    address = re.search(r'class="sk-estimator-doc-link[^>]*href="([^"]*)"', shown)[1]
    urls = metadata.metadata("skdeblurbin").get_all("Project-URL")
    (documentation,) = (u.split(", ")[1] for u in urls if u.startswith("Documentation"))
    page = f"api/generated/skdeblurbin.{kind.__name__}.html"
    assert address == f"{documentation}/en/latest/{page}"
    assert "Fitted attributes" not in shown
    for name in kind().get_params():
        assert re.search(rf">\s*{name}\b", shown), name
        link = f'href="{address}#:~:text={name},'
        assert link in shown, name  # straight to the parameter


def test_the_pages_that_are_linked_to_are_in_the_docs():
    if not DOCS.exists():
        pytest.skip("the docs are not here: the tests run away from the sources")
    # autosummary makes a page for each of these, at this address.
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    section = text[: text.index("## Metrics")]
    assert ".. currentmodule:: skdeblurbin\n" in section
    assert ":toctree: api/generated" in section
    for kind in (GANBinarizer, *CLASSICAL):
        assert f"   {kind.__name__}\n" in section


def test_estimators_of_others_have_no_link():
    class Theirs(OtsuBinarizer):
        pass

    assert Theirs()._get_doc_link() == ""


def test_a_fitted_network_is_summed_up(plates, tiny_gan):
    model = tiny_gan(max_epochs=2, validation_fraction=0.4).fit(*plates)
    rows = fitted_table(model)
    for name in ("generator_", "discriminator_"):
        network = getattr(model, name)
        weights = [p.numel() for p in network.parameters()]
        layers = {p.rpartition(".")[0] for p, _ in network.named_parameters()}
        kind = type(network).__name__
        assert rows[name] == [
            f"{kind}, {len(layers)} layers",
            f"{sum(weights):,} parameters",
        ]
    error = model.history_[-1]["validation_rmse"]
    assert rows["history_"] == [
        "list of 2 epochs",
        f"last validation RMSE {error:.4f}",
    ]
    assert rows["n_epochs_"] == ["int", "2"]
    assert rows["device_"] == ["device", "device(type='cpu')"]
    # All that the docstring tells of what there is for images.
    documented = set(re.findall(r"^    (\w+_) :", GANBinarizer.__doc__, re.M))
    assert set(rows) == documented - {"n_features_in_", "feature_names_in_"}


def test_without_pairs_set_aside_it_is_the_training_error(plates, tiny_gan):
    model = tiny_gan(adversarial_weight=0).fit(*plates)
    rows = fitted_table(model)
    assert rows["history_"][1] == f"last training RMSE {model.history_[-1]['rmse']:.4f}"
    assert rows["discriminator_"] == ["NoneType", "None"]


def test_a_large_network_is_not_cut_short(tiny_gan, plates):
    model = GANBinarizer.from_pretrained("plate")
    rows = fitted_table(model)
    assert rows["generator_"][1] == "1,324,709 parameters"
    assert rows["history_"] == ["list of 0 epochs", "not in the model's file"]
    model.n_epochs_ = 0  # as after Ctrl-C
    rows = fitted_table(model)
    assert rows["history_"] == ["list of 0 epochs", "stopped in the first epoch"]


@pytest.mark.parametrize("kind", CLASSICAL)
def test_classical_ones_show_what_they_chose(kind, plates):
    rows = fitted_table(kind().fit(*plates))
    documented = set(re.findall(r"^    (\w+_) :", kind.__doc__, re.M))
    assert documented - {"n_features_in_", "feature_names_in_"} <= set(rows)


def test_within_pipelines_and_searches(plates, tiny_gan):
    pipeline = make_pipeline(FunctionTransformer(), tiny_gan())
    assert "skdeblurbin.GANBinarizer.html" in pipeline._repr_html_()
    assert "parameters" not in fitted_table(pipeline).get("generator_", [""])[-1]
    pipeline.fit(*plates)
    assert fitted_table(pipeline)["generator_"][1].endswith(" parameters")
    search = GridSearchCV(pipeline, {"ganbinarizer__K2": [100]}, cv=2)
    assert "skdeblurbin.GANBinarizer.html" in search._repr_html_()
    search.fit(*plates)
    rows = fitted_table(search)
    assert rows["generator_"][1].endswith(" parameters")
    assert rows["history_"][0] == "list of 1 epochs"


class Features:
    """A callable with an evil name."""

    def __call__(self, images):
        return images

    def __repr__(self):
        return EVIL


def test_everything_is_escaped(plates, tiny_gan, tmp_path):
    columns = [f"{EVIL}{i}" for i in range(24 * 40)]
    X = pd.DataFrame(plates.X.reshape(6, -1), columns=columns)
    Y = plates.Y.reshape(6, -1)
    model = tiny_gan(
        image_shape=(24, 40),
        perceptual=Features(),
        checkpoint_dir=tmp_path / "<script>alert('ink')<",
    )
    # What scikit-learn itself puts into each of them.
    own = OtsuBinarizer()._repr_html_().count("<script>")
    for estimator in (model, make_pipeline(model), GridSearchCV(model, {"K2": [9]})):
        assert estimator._repr_html_().count("<script>") == own
    model.fit(X, Y)
    assert "feature_names_in_" in fitted_table(model)
    for estimator in (model, make_pipeline(model)):
        shown = estimator._repr_html_()
        assert shown.count("<script>") == own
        assert html.escape("<script>alert(") in shown


def test_as_text_where_diagrams_are_off():
    with sklearn.config_context(display="text"):
        assert not hasattr(GANBinarizer(), "_repr_html_")
    assert repr(GANBinarizer(K1=np.float64(3))).startswith("GANBinarizer(K1=")
