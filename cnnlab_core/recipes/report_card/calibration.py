"""The Python behind the tab Calibration."""

from cnnlab_core.recipes.report_card.opening import Asked, opening


def code(asked: Asked) -> str:
    """The reliability of each network before and after its temperature, which is fitted to other pictures."""
    return f"""\
{opening(asked)}
for name, card in cards.items():
    fitted = card.fitted_temperature()  # on the first half of the pictures; the rest is of the second
    for temperature in (1.0, fitted):
        found = card.calibration(temperature)
        print(name, temperature, found.ece, card.ece_interval(temperature))
        for part in found.bins:
            if part.count:
                print(f"  {{part.confidence:.3f}} sure, {{part.accuracy:.3f}} right, {{part.count}} pictures")
"""
