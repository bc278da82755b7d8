"""The Python behind the tab The card."""

from cnnlab_core.recipes.report_card.opening import Asked, opening


def code(asked: Asked) -> str:
    """Every figure of the cards."""
    return f"""\
{opening(asked, "figures")}
for name, card in cards.items():
    print(name)
    for figure in figures(card):
        print(f"  {{figure.called}}: {{figure.words}}, {{figure.note}}")
"""
