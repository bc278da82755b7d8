"""The Python behind the tab Corruptions."""

from cnnlab_core.recipes.report_card.opening import Asked, opening


def code(asked: Asked) -> str:
    """The accuracy under each transform, by severity, and how many answers stay as they were."""
    return f"""\
{opening(asked)}
for name, card in cards.items():
    print(name)
    for row in card.corruptions:
        print(f"  {{row.title}}: {{row.right.value:.1%}} right, {{row.same.value:.1%}} unchanged")
"""
