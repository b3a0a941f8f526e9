"""What a notebook shows of a fitted GANBinarizer."""

from __future__ import annotations

from typing import Any

import torch


class FittedSummary:
    """Sums up networks and history in scikit-learn's table of fitted attributes.

    The table shows thirty characters of each value, which are too few for the text of a
    network or of a history. scikit-learn escapes what stands in it. The method is
    private to scikit-learn: a version that calls another one shows its own table.
    """

    n_epochs_: int

    def _get_fitted_attr_html(self, doc_link: str = "") -> Any:
        table: Any = super()._get_fitted_attr_html(doc_link)  # type: ignore[misc]
        for row in table.values():
            if isinstance(row["value"], torch.nn.Module):
                row["type_name"] += f", {_n_layers(row['value'])} layers"
                row["value"] = _Text(f"{_n_parameters(row['value']):,} parameters")
        history = table["history_"]["value"]
        table["history_"]["type_name"] += f" of {len(history)} epochs"
        table["history_"]["value"] = _Text(_last_error(history, self.n_epochs_))
        return table


class _Text:
    """A text that is shown without quotation marks."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _n_layers(network: torch.nn.Module) -> int:
    """Modules with weights of their own: convolutions and normalisations."""
    return sum(
        next(module.parameters(recurse=False), None) is not None
        for module in network.modules()
    )


def _n_parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _last_error(history: list[dict[str, Any]], n_epochs: int) -> str:
    if not history:
        return "not in the model's file" if n_epochs else "stopped in the first epoch"
    last = history[-1]
    if "validation_rmse" in last:
        return f"last validation RMSE {last['validation_rmse']:.4f}"
    return f"last training RMSE {last['rmse']:.4f}"
