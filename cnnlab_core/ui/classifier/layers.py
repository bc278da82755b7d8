"""Layers: what the network is made of, as a table."""

import streamlit as st

from cnnlab_core.models import layer_table
from cnnlab_core.models.layers import features_before_classifier
from cnnlab_core.ui.classifier.answers import Answers
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.show import plain


def show(answers: Answers) -> None:
    """The totals, and every node of the graph: type, output shape, parameters, multiply-adds."""
    spec = answers.subject.spec
    layers = run(
        "layers",
        digest("layers", spec.name),
        lambda: once(lambda: layer_table(spec.name)),
        label="Reading the network's graph",
        for_everybody=True,
    ).result
    if not layers:
        return
    last = features_before_classifier(layers)
    features, parameters, work = st.columns(3)
    features.metric("Features that enter the last layer", f"{last.inputs:,}", help=f"The last layer is {last.name}.")
    parameters.metric("Parameters", f"{sum(layer.parameters for layer in layers):,}")
    work.metric("Multiply-adds per picture", f"{sum(layer.multiply_adds for layer in layers) / 1e6:,.0f} million")
    weighted = Controls("layers").toggle("weighted", "Only layers with weights")
    rows = [
        {
            "layer": layer.place,
            "name in the graph": layer.name,
            "type": layer.kind,
            "output shape": " × ".join(map(str, layer.shape)),
            "parameters": layer.parameters,
            "multiply-adds": layer.multiply_adds,
        }
        for layer in layers
        if layer.parameters or not weighted
    ]
    number = st.column_config.NumberColumn(format="localized")
    st.dataframe(rows, hide_index=True, height=420, column_config={"parameters": number, "multiply-adds": number})
    score = f" · {spec.top1:.1f} % classified correctly {plain(spec.measured)}." if spec.measured else ""
    st.caption(f"{plain(spec.source)} · {plain(spec.licence)}{score}")
