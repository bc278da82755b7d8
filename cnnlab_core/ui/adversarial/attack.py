"""The attack itself: the picture before, the noise, the picture after."""

from cnnlab_core.ui.adversarial.choice import Choice


def show(choice: Choice) -> None:
    """The tab."""
