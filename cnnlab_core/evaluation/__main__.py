"""``python -m cnnlab_core.evaluation [network ...]``: measure the cards that come with the lab anew (minutes each)."""

import sys

from cnnlab_core.evaluation.card import figures, network_card, shipped_path, write_card
from cnnlab_core.models import list_models, load_model
from cnnlab_core.models.exports import SHIPPED


def main(names: list[str]) -> None:
    """Write the card of each of the networks, by default of all that were trained here and shipped."""
    for name in names or [spec.name for spec in list_models() if spec.weights.folder == str(SHIPPED)]:
        card = network_card(load_model(name, device="cpu"), anew=True)
        write_card(shipped_path(name), card)
        print(name, *(f"  {figure.called}: {figure.words}; {figure.note}" for figure in figures(card)), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
