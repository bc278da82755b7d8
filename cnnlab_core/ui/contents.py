"""The lab's pages, as one table: order, icon, and the question that each answers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """One page. ``name`` is its file in ``pages/`` and its address; ``promise`` says what one does there."""

    name: str
    title: str
    icon: str
    question: str
    promise: str

    @property
    def file(self) -> str:
        return f"pages/{self.name}.py"


PAGES: tuple[Page, ...] = (
    Page(
        name="convolution",
        title="Convolution by hand",
        icon=":material/grid_on:",
        question="What exactly does a convolution compute, and what does it learn from?",
        promise="Slide a kernel, touch every number, and follow each one forwards and backwards.",
    ),
    Page(
        name="classifier",
        title="Naming photos",
        icon=":material/image_search:",
        question="What does the network see in this picture, and how sure is it?",
        promise="Give it a photo, read its best guesses as logits and probabilities, and compare two networks.",
    ),
)


def find_page(name: str) -> Page:
    """The page called ``name``."""
    return next(page for page in PAGES if page.name == name)
