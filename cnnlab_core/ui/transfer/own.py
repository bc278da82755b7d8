"""Your picture: what the classifier says of the picture in the sidebar, and where it lies on the map."""

import numpy as np
import streamlit as st

from cnnlab_core.classification.softmax import top_k
from cnnlab_core.images import png
from cnnlab_core.models import load_model
from cnnlab_core.models.loaded import crop
from cnnlab_core.plots.bars import class_bars
from cnnlab_core.plots.projection import features_map
from cnnlab_core.recipes.transfer import own_code
from cnnlab_core.transfer import features
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.take_away import take_away
from cnnlab_core.ui.transfer.choice import Choice
from cnnlab_core.ui.transfer.learner import learned

_MOST = 5


def show(choice: Choice) -> None:
    """The tab."""
    st.caption(
        "What does the new classifier make of the picture in the sidebar? It knows its own classes only, and has to "
        "choose one, however little the picture fits. Try your own photo there."
    )
    shown = learned(choice)
    if shown is None:
        return
    x = run(
        "transfer own",
        digest("transfer own", choice.spec.name, choice.weights, choice.picture.key),
        lambda: once(lambda: _features(choice)),
        label=f"Asking {choice.spec.title}",
    ).result
    if x is None:
        return
    found = shown.learned
    predictions = top_k(found.classifier.logits(x)[0], found.classes, min(_MOST, len(found.classes)))
    picture, bars = st.columns([1, 2], gap="large", vertical_alignment="center")
    picture.image(
        png(crop(choice.picture.image, choice.spec.preprocessing)),
        width=224,
        output_format="PNG",
        alt="What the network sees of your picture",
    )
    bars.plotly_chart(
        class_bars([one.label for one in predictions], [one.probability for one in predictions], percent=True),
        config={"displayModeBar": False},
        key="transfer_own_bars",
        alt="What the classifier says",
    )
    projection = found.projection
    place = projection(x)[0]
    st.plotly_chart(
        features_map(
            projection.points,
            found.map_labels,
            ~found.map_is_test,
            found.classes,
            explained=projection.explained,
            own=(float(place[0]), float(place[1])),
        ),
        config={"displayModeBar": False},
        key="transfer_own_map",
        alt="Your picture among the others",
    )
    take_away(own_code(*choice.code, choice.picture.name if choice.picture.is_sample else None))


def _features(choice: Choice) -> np.ndarray:
    model = load_model(choice.spec.name, choice.weights)
    return features(model, model.prepare(choice.picture.image)).cpu().numpy()
