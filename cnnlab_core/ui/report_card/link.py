"""The way to a network's report card, from pages where it is at work."""

import streamlit as st

from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.ui.contents import find_page


def link_card(spec: ModelSpec) -> None:
    """To its card; of a network that the lab has no test pictures for, to those that came with the lab."""
    page, measurable = find_page("report_card"), bool(spec.weights.folder)
    label = "Its report card" if measurable else "Two report cards"
    st.page_link(
        page.file, label=label, icon=page.icon, query_params={"report_network": spec.name} if measurable else {}
    )
