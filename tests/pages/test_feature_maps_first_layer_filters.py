"""The numbers of a filter are the network's own."""

import numpy as np
from screen import captions

from cnnlab_core.interpretability.first_layer_filters import first_layer_filters
from cnnlab_core.models import load_model


def test_the_numbers_of_a_filter(open_page):
    app = open_page("feature_maps", maps_tab="What channels look for", maps_tab_channels="First-layer filters")
    weights = first_layer_filters(load_model("efficientnet_lite0")).weights

    def shown():
        return [[[float(cell) for cell in row] for row in table.value.to_numpy()] for table in app.dataframe]

    assert np.allclose(shown(), weights[0], atol=6e-4)
    app.number_input(key="maps_filter_typed").set_value(31).run()
    assert np.allclose(shown(), weights[31], atol=6e-4)
    app.selectbox(key="maps_filters_scale").set_value("each filter").run()
    assert "own largest weight" in captions(app)
    app.segmented_control(key="weights_choice").set_value("random").run()
    assert np.allclose(shown(), first_layer_filters(load_model("efficientnet_lite0", "random")).weights[31], atol=6e-4)
