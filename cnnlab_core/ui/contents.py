"""The lab's pages, as one table: order, icon, and the question that each answers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """One page. ``name`` is its file in ``pages/`` and its address; ``promise`` says what one does there, and
    ``look`` what to look at in the example that it opens with."""

    name: str
    title: str
    icon: str
    question: str
    promise: str
    look: str = ""

    @property
    def file(self) -> str:
        return f"pages/{self.name}.py"


PAGES: tuple[Page, ...] = (
    Page(
        name="classifier",
        title="Naming photos",
        icon=":material/image_search:",
        question="What does the network see in this picture, and how sure is it?",
        promise="Give it a photo, read its best guesses as logits and probabilities, and compare two networks.",
        look="Look at the two answers: the trained network is torn between cats, the untrained one knows nothing.",
    ),
)


def find_page(name: str) -> Page:
    """The page called ``name``."""
    return next(page for page in PAGES if page.name == name)
