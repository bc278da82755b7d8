"""Transfer learning: a network's features, a linear classifier on top, and how few pictures that needs."""

import streamlit as st

from cnnlab_core.ui.frame import page
from cnnlab_core.ui.show import sentences
from cnnlab_core.ui.transfer import amount, classifier, features, own
from cnnlab_core.ui.transfer.choice import choose

TABS = {
    "Classifier": classifier.show,
    "Random or pretrained": amount.show,
    "Map": features.show,
    "Your picture": own.show,
}

page("transfer_learning")
with sentences():
    choice = choose()
    if choice:
        for tab, body in zip(st.tabs(list(TABS), key="transfer_tab", bind="query-params"), TABS.values(), strict=True):
            if tab.open:
                with tab, sentences():
                    body(choice)
