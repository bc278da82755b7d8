"""The lab's pages, as one table: groups, order, icon, and the question that each answers."""

from dataclasses import dataclass

from cnnlab_core.runtime.assets import asset


@dataclass(frozen=True)
class Page:
    """One page. ``name`` is its file in ``pages/`` and its address, ``group`` the heading that it stands under;
    ``promise`` says what to do there, and ``look`` what to look at in the example that it opens with."""

    name: str
    title: str
    icon: str
    question: str
    promise: str
    look: str = ""
    group: str = "See"

    @property
    def file(self) -> str:
        return f"pages/{self.name}.py"

    def picture(self, *, dark: bool) -> str:
        """Its first screen (see :func:`small_picture`)."""
        return small_picture(self.name, dark=dark)


PAGES: tuple[Page, ...] = (
    Page(
        name="network",
        title="Inside a network",
        icon=":material/account_tree:",
        question="What happens between a photo and its name?",
        promise="Look at a whole network at work, and go in: to a layer, a map, a number, and the products behind it.",
        look="Point at a map to see what feeds it; click it to go in.",
    ),
    Page(
        name="classifier",
        title="Naming photos",
        icon=":material/image_search:",
        question="What does the network see in this picture, and how sure is it?",
        promise="Give it a photo, read its best guesses as logits and probabilities, and compare two networks.",
        look="Look at the two answers side by side, and at how sure each network is.",
    ),
    Page(
        name="feature_maps",
        title="Feature maps",
        icon=":material/grid_view:",
        question="What does each layer respond to?",
        promise="Look at any layer's maps, find what a channel looks for, and put explanations on trial.",
        look="A map is one filter's answer at every place of the photo: the stronger, the deeper its colour.",
    ),
    Page(
        name="receptive_fields",
        title="Receptive fields",
        icon=":material/center_focus_strong:",
        question="Which pixels can a unit see, and which of them count?",
        promise="Look through any unit at the picture, and design layers that see what they should.",
    ),
    Page(
        name="convolution",
        group="Do",
        title="Convolution by hand",
        icon=":material/grid_on:",
        question="What exactly does a convolution compute, and what does it learn from?",
        promise="Slide a kernel, touch every number, and follow each one forwards and backwards.",
    ),
    Page(
        name="adversarial",
        group="Do",
        title="Adversarial attacks",
        icon=":material/target:",
        question="How small a change fools the network, and does it survive in the real world?",
        promise="Fool a network with noise that nobody sees, measure it, and try to undo its effect.",
        look="Look at the two photos, then at what the network says about each.",
    ),
    Page(
        name="report_card",
        group="Do",
        title="Report card",
        icon=":material/fact_check:",
        question="What is a network's accuracy worth?",
        promise="Measure how often a network is right, under attack and in bad light too, and how well it knows that.",
        look="Two networks, each figure with its 95% interval. Which one would you trust?",
    ),
    Page(
        name="deepdream",
        group="Do",
        title="DeepDream",
        icon=":material/auto_awesome:",
        question="What does a layer, a channel, a neuron or a class look for?",
        promise="Let any part of a network paint what it wants to see: into a photo, or from noise.",
        look="Move the line over the picture: a layer in the middle has drawn what it sees. Then go deeper.",
    ),
    Page(
        name="training",
        group="Train",
        title="Training",
        icon=":material/model_training:",
        question="How does a network learn?",
        promise="Train one, watch its filters form, compare runs, and use the network on the other pages.",
        look="Press Play: noise turns into filters, and the answers from wrong to right.",
    ),
    Page(
        name="transfer_learning",
        group="Train",
        title="Transfer learning",
        icon=":material/school:",
        question="Can a network trained on one task tell other things apart?",
        promise="Take a network's features, put a linear classifier on top, and see how few pictures it needs.",
        look="Look where each network puts the pictures: do those of a class lie together?",
    ),
    Page(
        name="reading_text",
        group="Train",
        title="Reading text",
        icon=":material/text_fields:",
        question="How does a network read letter by letter, and what does it remember?",
        promise="Follow every number of a recurrent cell through a word, then train a network that writes names.",
        look="Click a number.",
    ),
    Page(
        name="exercises",
        group="Class",
        title="Exercises",
        icon=":material/edit_note:",
        question="Can you do it with pen and paper?",
        promise="Choose what to practise, do it live, or print a sheet for everybody, with solutions.",
        look="Here is one to begin with. Others stand below it, sheets to print beside it.",
    ),
    Page(
        name="teaching",
        group="Class",
        title="Teaching",
        icon=":material/co_present:",
        question="How does a view become a lesson?",
        promise="Choose what students can change, and hand out a link to exactly that.",
        look="Open a lesson as your students will see it, then send them its link. They need no account.",
    ),
)


def small_picture(name: str, *, dark: bool) -> str:
    """A first screen, small, in the light or in the dark: made anew by ``make screenshots``."""
    return str(asset("pages", f"{name}_dark.webp" if dark else f"{name}.webp"))


def find_page(name: str) -> Page:
    """The page called ``name``."""
    return next(page for page in PAGES if page.name == name)


def pages_by_group() -> dict[str, list[Page]]:
    """The pages under their headings: what to see, to do, to train, and what is for a class."""
    return {group: [page for page in PAGES if page.group == group] for group in dict.fromkeys(p.group for p in PAGES)}
