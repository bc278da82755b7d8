"""``python -m cnnlab_core.evaluation [network ...]``: measure the cards that come with the lab anew (minutes each)."""

import sys

from cnnlab_core.evaluation.card import figures, network_card_steps, shipped_path, write_card
from cnnlab_core.models import list_models, load_model
from cnnlab_core.models.exports import SHIPPED
from cnnlab_core.runtime.jobs import finish


def main(names: list[str]) -> None:
    """Write the card of each of the networks, by default of all that were trained here and shipped."""
    for name in names or [spec.name for spec in list_models() if spec.weights.folder == str(SHIPPED)]:
        card = finish(network_card_steps(load_model(name, device="cpu")))
        write_card(shipped_path(name), card)
        print(name)
        for figure in figures(card):
            low, high = figure.share.interval if figure.share else (0.0, 0.0)
            interval = f" ({low:.1%} to {high:.1%}, {figure.share.of} pictures)" if figure.share else ""
            print(f"  {figure.called}: {figure.value}{interval}; {figure.note}")


if __name__ == "__main__":
    main(sys.argv[1:])
