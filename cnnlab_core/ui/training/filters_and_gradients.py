"""Inside the network while it learns: the first layer's filters over time, gradient norms, dead units."""

import io
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import streamlit as st
from PIL import Image

from cnnlab_core.images import png
from cnnlab_core.interpretability.first_layer_filters import SCALES, Scale, as_colours, filter_table
from cnnlab_core.plots.lines import Line, line_figure
from cnnlab_core.plots.mosaic import Mosaic, rgb, tiles
from cnnlab_core.plots.theme import CATEGORICAL
from cnnlab_core.recipes.training import filters_and_gradients
from cnnlab_core.training import Run
from cnnlab_core.training.curves import Array
from cnnlab_core.training.snapshots import filter_steps, read_filters
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.show import data_address, form, main_picture
from cnnlab_core.ui.take_away import File, take_away
from cnnlab_core.ui.training.area import AREAS
from cnnlab_core.ui.training.watched import LIVE_SECONDS, watched

LATEST = "latest"
ACROSS = 16
ABOUT = {
    "all filters": "The largest weight of all is full colour: pale filters are weak. Mid grey is a weight of 0",
    "each filter": "Each filter's own largest weight is full colour; mid grey is a weight of 0",
    "each filter's range": "Each filter is stretched from its smallest weight (black) to its largest (full colour)",
}


def show(run: Run) -> None:
    """The filters at any time, gradient norms and dead units by layer."""
    alive = run.state().alive
    st.fragment(_filters, run_every=LIVE_SECONDS if alive else None)(run, filter_steps(run))
    st.fragment(_insides, run_every=LIVE_SECONDS if alive else None)(run)
    steps = filter_steps(run)
    learned("filters form because they lower the loss. A layer whose gradient is next to zero learns next to nothing.")
    if steps:
        scale, last = _scale(), steps[-1]
        take_away(
            filters_and_gradients.code(run.id, last, scale),
            File("Filters (PNG)", lambda: _picture(run, last, scale), "cnnlab_filters.png", "image/png"),
            File("Filters over time (GIF)", lambda: _film(run, scale), "cnnlab_filters.gif", "image/gif"),
            File("Weights (CSV)", lambda: filter_table(read_filters(run, last)), "cnnlab_filters.csv", "text/csv"),
        )


def _filters(run: Run, offered: list[int]) -> None:
    """The filters as one array; the newest, or those of the step at which the scrubber stands."""
    steps = filter_steps(run)
    if not steps:
        st.info("The filters appear with the first step.", icon=":material/grid_on:")
        return
    first, second = form("filters").columns([2.2, 1], gap="large", vertical_alignment="bottom")
    at: object = LATEST
    if len(offered) > 1:
        at = first.select_slider(
            "Before step (drag to go through time)", [*offered, LATEST], LATEST, key=f"training_step {run.id}"
        )
    scale = AREAS["pictures"].controls.select("scale", "Full colour is the largest of", SCALES, SCALES[1], place=second)
    step = steps[-1] if at == LATEST else int(str(at))
    picture = _picture(run, step, scale)
    alt = f"The first layer's filters before step {step}"
    with main_picture():
        if run.state().alive:
            st.image(data_address(picture), width="stretch", alt=alt)
        else:
            st.image(picture, width="stretch", output_format="PNG", alt=alt)
    weights = read_filters(run, step)
    broken = "" if np.isfinite(weights).all() else " Some weights are no longer numbers and are drawn as 0."
    origin = "are worked out from the pictures, and stay" if run.config.whiten else "begin as noise"
    st.caption(
        f"The {len(weights)} filters of the first layer, before step {step:,} of the training. {ABOUT[scale]}.{broken} "
        f"They {origin}; look for edges and for pairs of opposite colours."
    )


def _scale() -> Scale:
    return st.session_state.get(AREAS["pictures"].controls.key("scale"), SCALES[1])


def _array(run: Run, step: int, scale: Scale) -> Mosaic:
    weights = np.nan_to_num(read_filters(run, step), nan=0.0, posinf=0.0, neginf=0.0)
    return tiles(rgb(as_colours(weights, scale)), cols=min(ACROSS, len(weights)), tile=44, gap=4, ground=(0, 0, 0, 0))


@lru_cache(maxsize=32)
def _picture(run: Run, step: int, scale: Scale) -> bytes:
    """The array as a PNG, encoded once for all who watch."""
    return png(_array(run, step, scale).picture)


def _film(run: Run, scale: Scale) -> bytes:
    """Every snapshot in turn as a GIF."""
    frames = []
    for step in filter_steps(run):
        picture = _array(run, step, scale).picture
        ground = Image.new("RGB", picture.size, "white")
        ground.paste(picture, mask=picture)
        frames.append(ground)
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=120, loop=0)
    return buffer.getvalue()


def _insides(run: Run) -> None:
    found = watched(run)
    if not len(found.probe_step):
        return
    left, right = st.columns(2, gap="large")
    end = (run.machine or {}).get("total_steps", 0)
    with left:
        figure = line_figure(
            _by_layer(found.probe_step, found.gradient_norms),
            title="Gradient norm by layer, log scale",
            y_name="gradient norm",
            x_title="step",
            end=end,
            log=True,
            height=380,
        )
        show_chart(figure, "training norms", "Gradient norm by layer, log scale", f"Run: {run.about.name}.")
        st.caption(
            "How strongly each layer's weights are pulled. Where the norms fall towards 0 in the early layers alone, "
            "the gradients vanish; a sudden jump comes before an overflow."
        )
    with right:
        figure = line_figure(
            _by_layer(found.probe_step, found.dead_units),
            title="Dead units by layer",
            y_name="share of dead units",
            x_title="step",
            end=end,
            full=True,
            height=380,
        )
        show_chart(figure, "training dead", "Dead units by layer", f"Run: {run.about.name}.")
        kind = "held-out" if run.config.validation else "training"
        st.caption(f"Channels after a ReLU that are 0 everywhere on 256 {kind} pictures. A dead unit learns nothing.")
        latest = {name: shares[-1] for name, shares in found.dead_units.items() if shares[-1] > 0}
        if latest:
            worst = max(latest, key=lambda name: latest[name])
            st.markdown(f"The largest share is now dead in `{worst}`: {latest[worst]:.0%}.")
        elif found.dead_units:
            st.markdown("No unit is dead now.")


def _by_layer(steps: Array, layers: Mapping[str, Array]) -> list[Line]:
    lines = []
    for index, (name, values) in enumerate(layers.items()):
        again, colour = divmod(index, len(CATEGORICAL))
        lines.append(Line(name, steps, values, CATEGORICAL[colour], dash=("solid", "dash", "dot")[again % 3]))
    return lines
