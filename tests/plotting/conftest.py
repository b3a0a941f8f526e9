"""What the tests of pictures share."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    plt.close("all")  # those of docstrings
    yield
    plt.close("all")
