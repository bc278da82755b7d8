"""The Python behind the tab Accuracy."""

from cnnlab_core.recipes.report_card.opening import Asked, opening


def code(asked: Asked) -> str:
    """The accuracy of all pictures and of each class, with its interval, and the most confident mistakes."""
    return f"""\
{opening(asked)}
for name, card in cards.items():
    found = card.accuracy()
    print(name, found.overall.value, found.overall.interval)
    for label, share in zip(card.classes, found.by_class):
        if share:
            print(f"  {{label}}: {{share.right}} of {{share.of}}", share.interval)
    for mistake in found.mistakes[:6]:
        print(card.index[mistake["index"]], mistake)  # its place among the test pictures
"""
