"""The Python behind the tab Robustness."""

from cnnlab_core.recipes.report_card.opening import Asked, opening


def code(asked: Asked) -> str:
    """What stands after each attack, and what the checks for masked gradients found."""
    return f"""\
{opening(asked)}
for name, card in cards.items():
    robust = card.robustness
    print(name, robust.clean)
    for attack in robust.names:
        print("  after", attack, robust.after(attack).value, robust.after(attack).interval)
    for check in card.checks:
        print(" ", check.clear, check.sentence)
"""
