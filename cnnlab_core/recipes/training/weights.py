"""The Python of the view Weights."""


def code(run: str, layer: str) -> str:
    """How a layer's weights are spread, by step."""
    return f"""\
from cnnlab_core.training import find_run
from cnnlab_core.training.histograms import read_histograms

for step, layers in read_histograms(find_run("{run}")).items():
    found = layers["{layer}"]  # .edges and .counts of its 128 bins
    print(f"before step {{step}}: mean {{found.mean:.4f}}, standard deviation {{found.deviation:.4f}}")
"""
