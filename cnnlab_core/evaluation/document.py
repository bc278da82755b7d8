"""The cards that come with the lab as a document, ``docs/cards.md``."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path

from cnnlab_core.attacks.transforms import find_transform
from cnnlab_core.errors import DataError
from cnnlab_core.evaluation.accuracy import Share
from cnnlab_core.evaluation.card import Card, figures
from cnnlab_core.evaluation.card_files import data_title, read_card, shipped_path
from cnnlab_core.models import find_spec, list_models
from cnnlab_core.models.exports import SHIPPED
from cnnlab_core.runtime.assets import PACKAGE

PLACE = PACKAGE.parent / "docs" / "cards.md"


def shipped_networks() -> tuple[str, ...]:
    """The networks that were trained here and come with the lab, by name."""
    return tuple(sorted(spec.name for spec in list_models() if spec.weights.folder == str(SHIPPED)))


def shipped_cards() -> tuple[Card, ...]:
    """The cards that there are of them."""
    found = []
    for name in shipped_networks():
        with suppress(DataError):
            found.append(read_card(shipped_path(name)))
    return tuple(found)


def write_document(place: Path = PLACE) -> None:
    """Write it anew, where the repository is and not the installed package alone. Raises ``OSError``."""
    if place.parent.is_dir():
        place.write_text(document(shipped_cards()), encoding="utf-8")


def document(cards: Sequence[Card]) -> str:
    """Finished cards in markdown: their figures beside each other, then each one's classes, checks and corruptions."""
    columns = [{figure.called: figure for figure in figures(card)} for card in cards]
    called = list(dict.fromkeys(name for column in columns for name in column))
    networks = [f"`{card.network}`" for card in cards]

    def cell(column: int, name: str) -> str:
        figure = columns[column].get(name)
        return figure.words if figure else "none is best"

    notes = {name: next(column[name].note for column in columns if name in column) for name in called}
    lines = [
        "# Report cards",
        "",
        "What the networks are worth that come with the lab: each figure with its 95 % interval, in which that of all",
        "pictures of the kind lies. The page Report card shows the same, and measures other networks. This page and",
        "the cards themselves (`assets/cards`) are written by `python -m cnnlab_core.evaluation`, in some minutes for",
        "each network.",
        "",
        *_table(
            ["figure", *networks, "how it is measured"],
            [[name, *(cell(k, name) for k in range(len(cards))), notes[name]] for name in called],
        ),
    ]
    for card in cards:
        lines += ["", f"## {find_spec(card.network).title} (`{card.network}`)", "", *_one(card)]
    return "\n".join(lines) + "\n"


def _one(card: Card) -> Iterator[str]:
    robust, found = card.robustness, card.accuracy()
    assert robust is not None
    yield (
        f"{len(card.labels)} test pictures of {data_title(card)}, drawn with seed {card.seed}; {card.attacked} of them "
        "were attacked and changed."
    )
    yield ""
    by_class = zip(card.classes, found.by_class, strict=True)
    yield from _table(["class", "accuracy", "95 %"], [[name, *_share(share)] for name, share in by_class if share])
    yield ""
    rows = [["no attack", *_share(robust.clean)], *([name, *_share(robust.after(name))] for name in robust.names)]
    rows.append(["all of them, pictures saved in 8 bits", *_share(robust.worst_in_8_bits)])
    yield from _table([f"still named right after (linf {card.eps * 255:.3g}/255)", "share", "95 %"], rows)
    yield ""
    for check in card.checks:
        yield f"- {'' if check.clear else '**Found:** '}{check.sentence}"
    yield ""
    changed = []
    for name, severities in groupby(card.corruptions, lambda row: row.name):
        transform = find_transform(name)
        cells = [f"{transform.written(row.strength)}: {row.right.value:.0%}" for row in severities]
        changed.append([transform.title, *cells])
    most = max(map(len, changed))
    padded = [[*row, *[""] * (most - len(row))] for row in changed]
    yield from _table(["named right under", *map(str, range(1, most))], padded)


def _share(share: Share) -> tuple[str, str]:
    low, high = share.interval
    return f"{share.value:.1%} ({share.right} of {share.of})", f"{low:.1%} to {high:.1%}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
