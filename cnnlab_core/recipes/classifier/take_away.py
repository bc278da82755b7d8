"""The most probable classes of a picture."""

from cnnlab_core.recipes.opening import IMPORTS, prepared


def code(model: str, weights: str, sample: str | None, k: int, temperature: float) -> str:
    """A few lines that give the page's numbers; ``sample`` None stands for a file of your own."""
    return f"""\
import torch
from cnnlab_core.classification.softmax import top_k
{IMPORTS}

{prepared(model, weights, sample)}
with torch.no_grad():
    logits = model(x)[0].double().cpu().numpy()  # normalisation is inside the model

predictions = top_k(logits, model.categories, k={k}, temperature={temperature:g})
for p in predictions:
    print(f"{{p.label:30}} logit {{p.logit:7.3f}}   P = {{p.probability:.4f}}")
"""
