"""``python -m cnnlab_core.evaluation [network ...]``: measure the cards that come with the lab anew (minutes each), and
write ``docs/cards.md``."""

import sys

from cnnlab_core.evaluation.card import figures, network_card_steps, shipped_path, write_card
from cnnlab_core.evaluation.document import shipped_networks, write_document
from cnnlab_core.models import load_model
from cnnlab_core.runtime.jobs import finish


def main(names: list[str]) -> None:
    """Write the card of each of the networks, by default of all that come with the lab, and the document of all."""
    for name in names or shipped_networks():
        card = finish(network_card_steps(load_model(name, device="cpu")))
        write_card(shipped_path(name), card)
        print(name)
        for figure in figures(card):
            between = f" ({figure.between})" if figure.between else ""
            print(f"  {figure.called}: {figure.value}{between}; {figure.note}")
    write_document()


if __name__ == "__main__":
    main(sys.argv[1:])
