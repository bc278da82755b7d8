"""The whole trainer on one page, for reading: what a run with the lab's usual settings does, and nothing else.

It ends with the same loss as such a run. That one can also pause, be killed and go on, say how it stands, and keep the
weights that do best on the pictures held out; here the last ones are tested. ``python -m cnnlab_core.training.minimal``
"""

import torch
from torch import nn
from torch.nn import functional as F

from cnnlab_core.data import open_data, split_validation
from cnnlab_core.training.randomness import generator


def train(
    data: str = "cifar10", *, epochs: int = 10, batch: int = 128, rate: float = 0.01, limit: int = 0, seed: int = 0
) -> tuple[nn.Module, list[float]]:
    """The trained network, and its loss on each batch; prints how often it is right on pictures that are new to it."""
    # The pictures are bytes (N, H, W, 3). A tenth is held out.
    dataset = open_data(data)
    split = split_validation(dataset.train.labels, 0.1, seed, limit)
    images, labels = dataset.train.images[split.train], dataset.train.labels[split.train]
    count, side, steps = len(images), images.shape[1], len(images) // batch

    # Mean and standard deviation of each colour, by how often each of the 256 levels occurs.
    often = torch.stack([colour.flatten().bincount(minlength=256) for colour in images.unbind(3)]).double()
    levels = torch.arange(256, dtype=torch.float64) / 255
    mean = often @ levels / often.sum(1)
    std = (often @ levels**2 / often.sum(1) - mean**2).sqrt()
    mean, std = mean.float().view(1, 3, 1, 1), std.float().view(1, 3, 1, 1)

    def pixels(images: torch.Tensor) -> torch.Tensor:
        return images.permute(0, 3, 1, 2).float() / 255

    # The network: three convolutions, each with batch norm and ReLU, the average over the map, a dense layer.
    def block(before: int, after: int, kernel: int) -> tuple[nn.Module, ...]:
        convolution = nn.Conv2d(before, after, kernel, padding=kernel // 2, bias=False)
        return convolution, nn.BatchNorm2d(after), nn.ReLU()

    maps = *block(3, 64, 11), nn.MaxPool2d(2), *block(64, 128, 3), *block(128, 128, 3)
    network = nn.Sequential(*maps, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, len(dataset.classes)))
    random = generator(seed, "weights")
    for layer in network:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=random)
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.bias)
    network.to(memory_format=torch.channels_last)

    # AdamW; filters decay, biases and norms don't. The rate goes up, and then down to almost 0.
    decays = [{"params": [p], "weight_decay": 0.01 * (p.ndim > 1)} for p in network.parameters()]
    optimizer = torch.optim.AdamW(decays, lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, epochs * steps, cycle_momentum=False)

    def accuracy(images: torch.Tensor, labels: torch.Tensor) -> float:
        network.eval()
        with torch.no_grad():
            best = torch.cat([network((pixels(part) - mean) / std).argmax(1) for part in images.split(500)])
        network.train()
        return (best == labels).double().mean().item()

    losses = []
    for epoch in range(epochs):
        # A new order, and for each picture a shift by up to 4 pixels each way and a coin: is it mirrored?
        random = generator(seed, "epoch", epoch)
        order = torch.randperm(count, generator=random)
        shifts = torch.randint(0, 9, (2, count), generator=random)
        mirrored = torch.rand(count, generator=random) < 0.5
        for step in range(steps):
            some = slice(step * batch, (step + 1) * batch)
            wide = F.pad(pixels(images[order[some]]), (4, 4, 4, 4), mode="reflect")
            corners = zip(wide, *shifts[:, some].tolist(), strict=True)
            x = torch.stack([picture[:, top : top + side, left : left + side] for picture, top, left in corners])
            x = torch.where(mirrored[some, None, None, None], x.flip(3), x)
            x = ((x - mean) / std).contiguous(memory_format=torch.channels_last)
            loss = F.cross_entropy(network(x), labels[order[some]], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        held = accuracy(dataset.train.images[split.validation], dataset.train.labels[split.validation])
        print(f"epoch {epoch + 1}: loss {losses[-1]:.3f}, {held:.1%} of the pictures held out", flush=True)
    test = dataset.read_test()
    print(f"{accuracy(test.images, test.labels):.2%} of the test pictures")
    return network.eval(), losses


if __name__ == "__main__":
    train()
