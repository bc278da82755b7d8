"""What a page looks at, a network and a picture, and the one way to put both to work as a job."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from PIL import Image

from cnnlab_core.classification.batch import Classified, classify_steps
from cnnlab_core.models import Layer, ModelSpec, load_model
from cnnlab_core.models.loaded import LoadedModel, crop
from cnnlab_core.models.registry import categories
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.fetch import weights_ready
from cnnlab_core.ui.picture import Picture
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import Outcome, run
from cnnlab_core.ui.shared import choose_model, choose_picture
from cnnlab_core.ui.show import show_problem

Result = TypeVar("Result")
Study = Callable[[LoadedModel, torch.Tensor], Generator[Any, None, Result]]
"""A job on a model and the prepared pixels (1, 3, H, W) of a picture."""


@dataclass(frozen=True)
class Subject:
    """A network with its weights, and a picture."""

    spec: ModelSpec
    weights: str
    picture: Picture

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes results the same: to be part of each job's key."""
        return self.spec.name, self.weights, self.picture.key

    @property
    def network(self) -> tuple[str, str]:
        """The name and the weights, as ``load_model`` takes them."""
        return self.spec.name, self.weights

    @property
    def sample(self) -> str | None:
        """The gallery's name of the picture; None for an upload."""
        return self.picture.name if self.picture.is_sample else None

    @property
    def about(self) -> str:
        """Network and picture in a sentence, for captions on paper."""
        return f"Network: {self.spec.title}, {self.weights} weights. Picture: {self.picture.title}."

    @property
    def seen(self) -> Image.Image:
        """What the network sees of the picture."""
        return crop(self.picture.image, self.spec.preprocessing)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the network's classes."""
        return categories(self.spec)


def choose_subject(place: str) -> Subject | None:
    """The sidebar's choosers; None without weights, with its reason on the page. ``place`` is the page's."""
    picture = choose_picture()
    spec, weights = choose_model()
    return Subject(spec, weights, picture) if weights_ready(spec, weights, place=place) else None


def choose_node(controls: Controls, name: str, label: str, layers: Sequence[Layer], start: str, **more: Any) -> Layer:
    """A box of layers by their titles; the address and ``start`` have the node's name in the graph."""
    nodes = {layer.name: layer for layer in layers}

    def about(node: str) -> str:
        return name_in_graph(nodes[node])

    chosen = controls.named(name, label, list(nodes), start, lambda node: nodes[node].title, tooltip=about, **more)
    return nodes[chosen]


def name_in_graph(layer: Layer) -> str:
    """The tooltip of a layer."""
    return f"In the network's graph: `{layer.name}`, {layer.kind}"


def run_study(
    name: str,
    subject: Subject,
    settings: tuple[object, ...],
    study: Study[Result],
    *,
    place: str = "",
    for_everybody: bool = True,
    **more: Any,
) -> Outcome[Result]:
    """Run a study of the subject as the job ``name``, whose results are kept by subject and ``settings``.

    Everything that the study's result depends on belongs into one of the two. Samples' results are shared by all
    sessions if they are ``for_everybody``. The rest is as in ``run_on_model``.
    """
    return run_on_model(
        name,
        subject.network,
        (subject.picture.key, *settings),
        lambda model: study(model, model.prepare(subject.picture.image)),
        place=place,
        for_everybody=for_everybody and subject.picture.is_sample,
        **more,
    )


def run_on_model(
    name: str,
    network: tuple[str, str],
    settings: tuple[object, ...],
    study: Callable[[LoadedModel], Generator[Any, None, Result]],
    *,
    place: str = "",
    **more: Any,
) -> Outcome[Result]:
    """Run a study of a network (name, weights) that brings its own pictures: they are part of the ``settings``.

    ``place`` tells several jobs of one ``name`` on a page apart, but not their results. The rest is as ``runner.run``
    takes it.
    """

    def job() -> Generator[Any, None, Result]:
        return (yield from study(load_model(*network)))

    return run(f"{name} {place}" if place else name, digest(name, *network, *settings), job, **more)


def classify_picture(spec: ModelSpec, weights: str, picture: Picture, *, place: str) -> Classified | None:
    """The network's answer to a picture; None, with its reason on the page, if there is none.

    ``place`` tells several on one page apart.
    """
    if not weights_ready(spec, weights, place=place):
        return None

    def job() -> Generator[Any, None, list[Classified]]:
        return (yield from classify_steps(load_model(spec.name, weights), [(picture.title, picture.content)]))

    answers = run(
        f"classify {place}",
        digest("classify", spec.name, weights, picture.key),
        job,
        label=f"Asking {spec.title}",
        for_everybody=picture.is_sample,
    ).result
    if answers and answers[0].problem:
        show_problem(answers[0].problem)
    return answers[0] if answers and answers[0].best else None
