"""Which explanations find the mark that a network goes by."""


def code(count: int, seed: int) -> str:
    return f"""\
from cnnlab_core.data.marked_shapes import planted
from cnnlab_core.interpretability import shortcut
from cnnlab_core.models import load_model

pictures = planted({count}, seed={seed})  # shapes, with a mark that tells another class
for network in ("shapes_marked", "shapes_plain"):  # learned with the mark, and without any
    trial = shortcut(load_model(network), pictures)
    print(network, "names the mark's class:", (trial.answers == pictures.says.numpy()).mean())
    for method, shares, hits in zip(trial.methods, trial.shares, trial.hits):
        print(f"{{method:20}} {{shares.mean():.1%}} of the heat on the mark, hottest there in {{hits.sum()}}")
"""
