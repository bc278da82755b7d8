"""A network that learns: one step on one batch, clean or adversarial, in the precision that was chosen."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from cnnlab_core.data import Pictures
from cnnlab_core.training.adversarial import perturb, random_start, training_steps
from cnnlab_core.training.batches import Batch
from cnnlab_core.training.config import Config
from cnnlab_core.training.diagnosis import evaluating
from cnnlab_core.training.distributed import World, share_batch_norm
from cnnlab_core.training.nets import build_net, initialise, whiten
from cnnlab_core.training.optimizers import build_optimizer
from cnnlab_core.training.randomness import generator


def pixel_statistics(pictures: Pictures, indices: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each colour channel over the chosen pictures, in pixels of [0, 1]."""
    counted = torch.zeros(3, 256, dtype=torch.long)
    for chunk in torch.from_numpy(indices).split(5000):
        images = pictures.images[chunk]
        for channel in range(3):
            counted[channel] += images[..., channel].flatten().bincount(minlength=256)
    counts = counted.numpy()
    levels = np.arange(256) / 255
    mean = counts @ levels / counts.sum(1)
    variance = counts @ levels**2 / counts.sum(1) - mean**2
    # A channel that never changes would be divided by zero.
    return tuple(mean.tolist()), tuple(np.sqrt(np.maximum(variance, 1e-6)).tolist())


class Learner:
    """The network of a config with its optimiser, on one device, alone or with others of its ``world``.

    ``patches`` are pictures (N, 3, H, W), in pixels of [0, 1], by which the first layer is to whiten if the config says
    so. ``stronger`` means that PGD has taken over from FGSM.
    """

    def __init__(
        self,
        config: Config,
        *,
        classes: int,
        side: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        device: torch.device,
        world: World | None = None,
        patches: torch.Tensor | None = None,
    ) -> None:
        self.config, self.device, self.world, self.classes = config, device, world or World(), classes
        self.half = self.stronger = False
        self._mean, self._std = (torch.tensor(value, device=device).view(1, 3, 1, 1) for value in (mean, std))
        network = build_net(config.net, classes, side, config.stack)
        initialise(network, config.init, generator(config.seed, "weights"))
        self.network = network.to(device).to(memory_format=torch.channels_last)
        for module in self.network.modules():
            if isinstance(module, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
                module.register_full_backward_hook(_channels_last)
        if config.whiten and patches is not None:
            with evaluating(self.network):
                whiten(self.network, self.normalise(patches.to(device)))
        self.judged: nn.Module = self.network
        """What is checked, tested and exported: the average of the weights, if there is one."""
        if config.average:
            self.judged = copy.deepcopy(self.network).requires_grad_(False)
            self._averaged = 0
        self._model: nn.Module = self.network
        if self.world.size > 1:
            share_batch_norm(self.network)
            # Buffers are equal already: every process computes the same statistics.
            self._model = DistributedDataParallel(self.network, broadcast_buffers=False)
        self.optimizer = build_optimizer(self.network, config)

    def normalise(self, x: torch.Tensor) -> torch.Tensor:
        """(x - mean) / std of the training pictures, as the network wants them."""
        return (x - self._mean) / self._std

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of pixels, of the network that is judged, in the training's precision."""
        return self._logits(self.judged, x)

    def exact_logits(self, x: torch.Tensor) -> torch.Tensor:
        """The same in float32, as the exported network will give them."""
        return self.judged(self.normalise(x))

    def _logits(self, network: nn.Module, x: torch.Tensor) -> torch.Tensor:
        with self._precision():
            return network(self.normalise(x))

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.half)

    def learn(self, batch: Batch, rate: float, epoch: int, number: int) -> torch.Tensor:
        """One step of the optimiser; gives (loss, accuracy) on the batch, on the device, before the step."""
        y = batch.targets(self.classes)
        x = self._attacked(batch.images, y, epoch, number)
        logits = self._logits(self._model, x)
        loss = nn.functional.cross_entropy(logits.float(), y, label_smoothing=self.config.label_smoothing)
        self.optimizer.zero_grad()
        loss.backward()
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("share", 1.0)
        with self._precision():  # of Muon's products
            self.optimizer.step()
        self._average()
        best = logits.detach().argmax(1)
        right = y.gather(1, best[:, None]) if y.ndim > 1 else (best == y).float()
        return torch.stack([loss.detach(), right.mean()])

    def state(self) -> dict[str, Any]:
        """Everything that learning has changed."""
        state: dict[str, Any] = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}
        if self.config.average:
            state |= {"average": self.judged.state_dict(), "averaged": self._averaged}
        return state | {"stronger": self.stronger}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back a ``state``."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.stronger = state.get("stronger", False)
        if self.config.average:
            self.judged.load_state_dict(state["average"])
            self._averaged = state["averaged"]

    @torch.no_grad()
    def _average(self) -> None:
        """Draw the average towards the weights and statistics of now, at first faster than the config says.

        Else it would long be of the first weights: the first step counts 9 / 11, the tenth a half.
        """
        if not self.config.average:
            return
        self._averaged += 1
        kept = min(self.config.average, (1 + self._averaged) / (10 + self._averaged))
        for mean, now in zip(self.judged.state_dict().values(), self.network.state_dict().values(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(now, 1 - kept)

    def _attacked(self, images: torch.Tensor, y: torch.Tensor, epoch: int, number: int) -> torch.Tensor:
        config = self.config
        if self.stronger:
            config = replace(config, attack="pgd", attack_step=0.0)
        if config.attack == "none":
            return images
        random = generator(config.seed, "attack", epoch, number, device=self.device)
        start = random_start(images, config.epsilon, random, self.world.rank, self.world.size)
        with evaluating(self.network):  # the attack mustn't move the batch statistics
            return perturb(
                lambda x: self._logits(self.network, x),
                images,
                y,
                start,
                epsilon=config.epsilon,
                step=config.step_size,
                steps=training_steps(config),
            )


def _channels_last(module: nn.Module, grad_input: Any, grad_output: Any) -> Any:
    """The gradient in the order of its activations: a ReLU before the average would else take ten times as long."""
    return tuple(
        grad.contiguous(memory_format=torch.channels_last) if grad is not None else None for grad in grad_input
    )
