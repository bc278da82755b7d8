"""``python -m cnnlab_core.evaluation [network ...]``: measure the cards that come with the lab anew (minutes each), and
write ``docs/cards.md``."""

import sys

from cnnlab_core.evaluation.card import figures
from cnnlab_core.evaluation.card_files import network_card, shipped_path, write_card
from cnnlab_core.evaluation.document import shipped_networks, write_document
from cnnlab_core.models import load_model


def main(names: list[str]) -> None:
    """Write the card of each of the networks, by default of all that come with the lab, and the document of all."""
    for name in names or shipped_networks():
        card = network_card(load_model(name, device="cpu"), anew=True)
        write_card(shipped_path(name), card)
        print(name, *(f"  {figure.called}: {figure.words}; {figure.note}" for figure in figures(card)), sep="\n")
    write_document()


if __name__ == "__main__":
    main(sys.argv[1:])
