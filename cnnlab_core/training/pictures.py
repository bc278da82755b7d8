"""Pictures to classify, as a task for the trainer: batches, held-out pictures, robustness, first-layer filters."""

from collections.abc import Callable, Generator, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import torch

from cnnlab_core.data import Dataset, Pictures, split_validation
from cnnlab_core.runtime.jobs import relay
from cnnlab_core.training import diagnosis
from cnnlab_core.training.adversarial import CHECK_STEPS, FINAL_STEPS
from cnnlab_core.training.batches import Feeder, to_pixels
from cnnlab_core.training.config import Config
from cnnlab_core.training.distributed import World
from cnnlab_core.training.evaluation import Answers, AttackSettings, answer_steps, over_views
from cnnlab_core.training.histograms import keep_histograms
from cnnlab_core.training.learner import Learner, pixel_statistics
from cnnlab_core.training.nets import WHITENED_BY
from cnnlab_core.training.precision import choose_precision
from cnnlab_core.training.randomness import generator
from cnnlab_core.training.runs import Run
from cnnlab_core.training.snapshots import keep_answers, keep_mistakes, write_array
from cnnlab_core.training.task import Checked, Counted, Line, Standing

PROBE_PICTURES = 256
WATCHED = 10
"""Held-out pictures, of a class each, whose answers are kept through the training."""
ROBUST_PICTURES = 500
"""Held-out pictures on which robustness is watched, epoch by epoch."""


class PictureTask:
    """A data set of labelled pictures, and the network of a config that learns to tell its classes apart."""

    def __init__(self, config: Config, dataset: Dataset, device: torch.device, world: World) -> None:
        self.config, self.dataset, self.device, self.world = config, dataset, device, world
        self.title = dataset.title
        train = dataset.train
        self.split = split_validation(train.labels, config.validation, config.seed, config.limit)
        learned = train if config.labels == "true" else Pictures(train.images, _random_labels(dataset, config.seed))
        self.mean, self.std = pixel_statistics(train, self.split.train)
        self.feeder = Feeder(learned, self.split.train, config, device, world.rank, world.size, self.mean)
        held = torch.from_numpy(self.split.validation)
        self.validation = Pictures(train.images[held], train.labels[held])
        self.probed = self.validation.images[:PROBE_PICTURES] if len(held) else train.images[self._some(PROBE_PICTURES)]
        self.watched = _one_of_each(self.validation if len(held) else train)

    @cached_property
    def learner(self) -> Learner:
        """What learns from them; made when it is first asked for: who looks at the batches alone needs no network."""
        whitened_by = to_pixels(self.dataset.train.images[self._some(WHITENED_BY)]) if self.config.whiten else None
        return Learner(
            self.config,
            classes=len(self.dataset.classes),
            side=self.dataset.side,
            mean=self.mean,
            std=self.std,
            device=self.device,
            world=self.world,
            patches=whitened_by,
        )

    def _some(self, count: int) -> torch.Tensor:
        """The places of pictures that are learned from: evenly chosen, since they may stand class by class."""
        places = np.linspace(0, len(self.split.train) - 1, count).astype(int)
        return torch.from_numpy(np.unique(self.split.train[places]))

    def digest(self) -> str:
        """The sha256 of the training pictures."""
        return self.dataset.train.digest()

    def facts(self) -> dict[str, Any]:
        """Classes, side, pixel statistics, and how many pictures there are of each kind."""
        return {
            "classes": list(self.dataset.classes),
            "side": self.dataset.side,
            "mean": self.mean,
            "std": self.std,
            "training_pictures": len(self.split.train),
            "validation_pictures": len(self.split.validation),
        }

    def choose_precision(self) -> tuple[str, str]:
        """bfloat16 where it is faster and safe."""
        return choose_precision(self.learner.network, self.learner.normalise, next(self.feeder.epoch(0)))

    def keep(self, run: Run, step: int) -> None:
        """Before a step: the first layer's filters (filters, 3, rows, columns), how the weights of all layers are
        spread, and the answers to a few pictures."""
        keep_histograms(run, step, self.learner.judged)
        first = next((m for m in self.learner.judged.modules() if isinstance(m, torch.nn.Conv2d)), None)
        if first is not None:
            write_array(run.filters / f"{step:09d}.npy", first.weight.detach().half().contiguous().cpu().numpy())
        with torch.no_grad(), diagnosis.evaluating(self.learner.judged):
            logits = self.learner.exact_logits(to_pixels(self.watched.images.to(self.device)))
        keep_answers(run, step, self.watched, logits.softmax(1).half().cpu().numpy())

    def look(self, step: int) -> Iterator[Line]:
        """Gradient norms, and units that are dead on some pictures."""
        norms = diagnosis.gradient_norms(self.learner.network)
        x = to_pixels(self.probed.to(self.device))
        with diagnosis.evaluating(self.learner.network):
            dead = diagnosis.dead_units(self.learner.network, self.learner.normalise(x))
        yield "probe", {"step": step, "gradient_norms": norms, "dead_units": dead}

    def broken_layer(self) -> str:
        """The first layer that gives something that isn't a finite number."""
        x = self.learner.normalise(next(self.feeder.epoch(0)).images)
        with diagnosis.evaluating(self.learner.network):
            return diagnosis.first_broken_layer(self.learner.network, x)

    def check(self, standing: Standing) -> Generator[Counted, None, Checked]:
        """Accuracy on the held-out pictures, also under attack if the network learns from attacked ones."""
        clean: Answers | None = None
        robust: float | None = None
        lines: list[Line] = []
        if len(self.validation):
            clean = yield from self._ask(self.validation, self.learner.logits)
        if clean and self.config.attack != "none":
            few = Pictures(self.validation.images[:ROBUST_PICTURES], self.validation.labels[:ROBUST_PICTURES])
            robust = (yield from self._ask(few, self.learner.logits, self._attack(CHECK_STEPS))).accuracy
            standing.attacked.append(standing.accuracy_sum / self.feeder.steps)
            standing.robust.append(robust)
        if not standing.collapsed and diagnosis.overfits_catastrophically(standing.attacked, standing.robust):
            standing.collapsed = True
            standing.over = self.config.collapse == "stop"
            self.learner.stronger = self.config.collapse == "pgd"
            epoch = standing.step // self.feeder.steps - 1
            sentence = diagnosis.explain_collapse(self.config)
            lines.append(("notice", {"about": "catastrophic overfitting", "epoch": epoch, "sentence": sentence}))
        values = {
            "validation_loss": clean and clean.mean_loss,
            "validation_accuracy": clean and clean.accuracy,
            "robust_accuracy": robust,
        }
        score = robust if robust is not None else clean.accuracy if clean else None
        return Checked(values, score, tuple(lines))

    def test(self, run: Run | None) -> Generator[Counted, None, dict[str, Any]]:
        """Accuracy, confusion and mistakes on the test pictures, accuracy under attack, and over several views of each
        (these in the training's precision); keeps the mistakes."""
        test = self.dataset.read_test()
        finals: dict[str, Any] = {"test_pictures": len(test)}
        clean = yield from self._ask(test, self.learner.exact_logits)
        if self.config.attack != "none":
            robust = yield from self._ask(test, self.learner.exact_logits, self._attack(FINAL_STEPS))
            finals |= {
                "robust_accuracy": robust.accuracy,
                "robust_attack": f"PGD-{FINAL_STEPS}, linf, steps of epsilon / 4, from the picture itself",
                "robust_epsilon": self.config.epsilon,
            }
        if self.config.views != "one":
            several = over_views(self.learner.logits, self.config.views)
            finals["views_accuracy"] = (yield from self._ask(test, several)).accuracy
        confusion = clean.confusion(len(self.dataset.classes))
        finals |= {
            "accuracy": clean.accuracy,
            "loss": clean.mean_loss,
            "per_class": (confusion.diagonal() / np.maximum(confusion.sum(1), 1)).tolist(),
            "confusion": confusion.tolist(),
            "mistakes": clean.mistakes(),
        }
        if run:
            keep_mistakes(run, finals["mistakes"], test.images.numpy())
        return finals

    def _attack(self, steps: int) -> AttackSettings:
        return AttackSettings(self.config.epsilon, self.config.epsilon / 4, steps)

    def _ask(
        self,
        pictures: Pictures,
        logits: Callable[[torch.Tensor], torch.Tensor],
        attack: AttackSettings | None = None,
    ) -> Generator[Counted, None, Answers]:
        with diagnosis.evaluating(self.learner.judged):
            job = answer_steps(logits, pictures, self.device, world=self.world, attack=attack)
            return (yield from relay(job, lambda done: (done, len(pictures))))


def _random_labels(dataset: Dataset, seed: int) -> torch.Tensor:
    """A class at random for each training picture, always the same one."""
    count = len(dataset.train)
    return torch.randint(0, len(dataset.classes), (count,), generator=generator(seed, "labels"))


def _one_of_each(pictures: Pictures) -> Pictures:
    """The first picture of each class, of ten classes at most."""
    first = np.unique(pictures.labels.numpy(), return_index=True)[1][:WATCHED]
    return Pictures(pictures.images[torch.from_numpy(first)], pictures.labels[torch.from_numpy(first)])
