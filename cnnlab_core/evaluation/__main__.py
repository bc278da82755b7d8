"""``python -m cnnlab_core.evaluation``: measure the cards that come with the lab of networks that have changed since,
and write ``docs/cards.md``; with names of networks, theirs anew. Minutes each; one that was stopped is gone on with."""

import argparse
import sys
from collections.abc import Sequence

from cnnlab_core.errors import InputError
from cnnlab_core.evaluation.card import blank_card, card_seconds, figures
from cnnlab_core.evaluation.card_files import begun_card, network_card_steps, shipped_card, shipped_path, write_card
from cnnlab_core.evaluation.document import shipped_networks, write_document
from cnnlab_core.evaluation.pictures import PER_ATTACKED, USUAL, draw_pictures
from cnnlab_core.models import find_spec, load_model
from cnnlab_core.runtime.command_line import Report, run_command
from cnnlab_core.runtime.jobs import finish, relay


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m cnnlab_core.evaluation", description=__doc__)
    parser.add_argument("networks", nargs="*", help="by name (default: those whose cards are of other weights)")
    return run_command(lambda options: measure_shipped(options.networks), parser.parse_args(arguments))


def measure_shipped(names: Sequence[str], attacked: int = USUAL) -> None:
    """Measure these networks' cards, or those that are outdated; write them and the document.

    Raises ``InputError`` for a network whose card doesn't come with the lab.
    """
    shipped, report = shipped_networks(), Report(every=20)
    for name in names:
        if name not in shipped:
            raise InputError(f"The card of {name} doesn't come with the lab, only those of {', '.join(shipped)}.")
    for name in names or _outdated(attacked):
        model = load_model(name, device="cpu")
        drawn = draw_pictures(model, count=attacked * PER_ATTACKED)
        begun = begun_card(blank_card(model, drawn, attacked), anew=True)
        minutes = max(1, round(card_seconds(model, drawn.x, drawn.y, begun) / 60))
        print(f"{name}: about {minutes} min where nothing else runs", flush=True)
        job = network_card_steps(model, attacked=attacked, anew=True)
        card = finish(relay(job, lambda step: report(f"  {step.share:.0%}")))
        write_card(shipped_path(name), card)
        print(*(f"  {figure.called}: {figure.words}; {figure.note}" for figure in figures(card)), sep="\n")
    write_document()
    left = ", ".join(_outdated(attacked))
    print(f"Still of other weights, or not whole: {left}." if left else "All cards are of the networks as they are.")


def _outdated(attacked: int) -> list[str]:
    """The networks whose cards are of other weights, lack something, or aren't there."""
    cards = {name: shipped_card(find_spec(name), attacked=attacked) for name in shipped_networks()}
    return [name for name, card in cards.items() if card is None or not card.finished]


if __name__ == "__main__":
    sys.exit(main())
