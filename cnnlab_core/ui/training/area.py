"""Where runs of each kind are trained and looked at: on pictures, the page Training; on text, a tab of Reading text."""

from dataclasses import dataclass

from cnnlab_core.training.settings import Kind
from cnnlab_core.ui.controls import Controls


@dataclass(frozen=True)
class Area:
    """The ``controls`` of one kind of runs, the key of the ``view`` that is open, and what is learned from, as a word.

    ``learned`` is counted in steps and seconds; ``first`` is the lab's own run that the page opens with.
    """

    controls: Controls
    view: str
    learned: str
    first: str


AREAS: dict[Kind, Area] = {
    "pictures": Area(Controls("training"), "training_tab", "pictures", "small_standard"),
    "text": Area(Controls("text"), "text_view", "characters", "names_lstm"),
}
