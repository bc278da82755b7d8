"""A network of glass: a board to draw on, and every map, computed in the browser. The server only keeps the place."""

from typing import Any

from cnnlab_core.images import jpeg, square
from cnnlab_core.models import LoadedModel, ModelSpec
from cnnlab_core.network.glass import glass_network, shipped_glass
from cnnlab_core.recipes.network import glass
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.network.component import KEY, heard, show_network
from cnnlab_core.ui.network.place import go, place_in, refuse_stage
from cnnlab_core.ui.picture import Picture
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once
from cnnlab_core.ui.show import data_address, main_answer, main_picture
from cnnlab_core.ui.subject import run_on_model
from cnnlab_core.ui.take_away import take_away

START = 3
"""The sample that lies on the board at first: a 3, and a cat."""
SIDE = 320
LEARNED = (
    "the answer is made of nothing but these maps, each is a sum of products of the maps before, "
    "and a stroke changes them all at once."
)


def show(spec: ModelSpec, weights: str, picture: Picture) -> None:
    """The board, at the place that the address names; the lab's own ``picture`` can be laid on one for photos."""
    network = _described(spec, weights)
    if network is None:
        return
    shipped = shipped_glass(spec.name)
    samples = list(shipped["samples"])
    colourful = network["shape"][0] == 3
    if colourful:
        photo = data_address(jpeg(square(picture.image, SIDE)), "jpeg")
        samples.append({"name": picture.title, "photo": photo})
    place = place_in(spec, len(samples))
    if place.stage:
        refuse_stage(".".join(map(str, place.stage)))
    identity = digest("glass", spec.name, weights, picture.key if colourful else "")
    turn, has = heard(KEY)
    data: dict[str, Any] = {"id": identity, "at": {**place.as_data(), "stage": []}, "turn": turn}
    if has != identity:  # else the browser has it already
        data["glass"] = {"network": network, "samples": samples, "start": START}
    with main_picture(), main_answer():
        show_network(data, key=KEY, on_go=lambda at: go(spec, at))
    learned(LEARNED)
    sample = START if place.input is None else place.input
    take_away(glass.code(spec.name, weights, min(sample, len(shipped["samples"]) - 1), place.factors))


def _described(spec: ModelSpec, weights: str) -> dict[str, Any] | None:
    """The network for the browser: of a trained one there is a file."""
    if weights == "pretrained":
        network: dict[str, Any] = shipped_glass(spec.name)["network"]
        return network

    def study(model: LoadedModel) -> Any:
        return (yield from once(lambda: glass_network(model)))

    return run_on_model(
        "network glass", (spec.name, weights), (), study, label="Opening the network", for_everybody=True
    ).result
