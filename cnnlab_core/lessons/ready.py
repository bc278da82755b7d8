"""Lessons that come with the lab."""

from cnnlab_core.lessons.lesson import Lesson, Number, Pick, Practice, Step
from cnnlab_core.stories import Guess

_BESIDE = ("part_picture", "part_network", "tabs", "pages")
_PLANE = tuple(
    f"adversarial_plane_{name}"
    for name in ("w1", "w2", "b", "x1", "x2", "label", "norm", "boxed", "sizes", "steps", "random", "seed")
)
_EXAMPLE = "conv_1_Example-is-Own-numbers"
_SLIDING = ("conv_sizes", "conv_typed", "conv_more", "conv_1_padding", _EXAMPLE, "views_slide", "tabs", "pages")
_ATTACK = ("adversarial_attack", "adversarial_target", "adversarial_more")

LESSONS: tuple[Lesson, ...] = (
    Lesson(
        title="What a stride leaves out",
        steps=(
            Step(
                page="convolution",
                task="Move only the stride. How long is the output each time? Find the rule before you go on.",
                view={
                    "conv_tab": "Slide",
                    "conv_tab_slide": "1-D",
                    "conv_1_x": "1 -1 3 4 4 2 0 1",
                    "conv_1_w": "1 1 1",
                    "conv_1_padding": "0",
                },
                away=_SLIDING,
                guess=Guess(
                    ask="With a stride of 2, how long is the output?",
                    choices=("about half as long", "about twice as long", "as long as before"),
                    right=0,
                    because="the kernel leaves out every other place, and computes the others as before.",
                ),
                question=Number(ask="How many outputs does a stride of 3 give?", answer=2),
                after="(n − k) / stride, rounded down, plus 1: a last window that doesn't fit is left out.",
            ),
            Step(
                page="convolution",
                task="Now with padding, and numbers of your own. The formula is all you need.",
                view={"conv_tab": "Slide", "conv_tab_slide": "1-D"},
                away=("tabs", "pages"),
                question=Practice(kind="output_size"),
                after="With a padding of p at both ends, n becomes n + 2p. The rest stays.",
            ),
        ),
    ),
    Lesson(
        title="Hot and cold answers",
        steps=(
            Step(
                page="classifier",
                task="You can move only the temperature. Which bars can change places, and which can't?",
                view={"picture": "coffee", "classifier_t": "1.0"},
                away=(*_BESIDE, "classifier_more", "classifier_versus"),
                guess=Guess(
                    ask="Which bars change places when the temperature rises?",
                    choices=("None", "The first two", "All"),
                    right=0,
                    because="all logits are divided by the same number, so their order stays.",
                ),
                question=Pick(
                    ask="At a very high temperature, what is the probability of each of the 1,000 classes?",
                    choices=("0", "1/1000", "1"),
                    right=1,
                ),
                after="All logits come close to 0, so all classes are equally likely: the network is sure of nothing.",
            ),
        ),
    ),
    Lesson(
        title="What one unit can see",
        steps=(
            Step(
                page="receptive_fields",
                task="Click units in the middle and at the border, in an early layer and in a late one. How does the "
                "box grow, and why is it cut off?",
                view={"maps_tab": "Receptive field"},
                away=(*_BESIDE, "maps_counted"),
                question=Pick(
                    ask="Why is the box of a unit at the border smaller?",
                    choices=(
                        "Part of its field lies outside the picture",
                        "Its kernel is smaller",
                        "It is in an earlier layer",
                    ),
                    right=0,
                ),
                after="All units of a layer have fields of one size. At the border part of it is padding: zeros.",
            ),
        ),
    ),
    Lesson(
        title="How small is small enough?",
        steps=(
            Step(
                page="adversarial",
                task="Find the smallest epsilon at which the cat becomes a tarantula. Could you tell the two pictures "
                "apart?",
                view={"picture": "chelsea", "adversarial_eps": "4.0"},
                away=(*_BESIDE, *_ATTACK),
                guess=Guess(
                    ask="How many of the pixels does the attack change at epsilon 4/255?",
                    choices=("A handful", "About half", "Nearly all"),
                    right=2,
                    because="epsilon bounds how far each pixel moves, not how many do.",
                ),
            ),
        ),
    ),
    Lesson(
        title="One step against many",
        steps=(
            Step(
                page="adversarial",
                task="FGSM takes one step, PGD many. Switch between them and drag epsilon: which one's curve rises "
                "steadily?",
                view={"adversarial_tab": "Attack", "adversarial_tab_attack": "Epsilon"},
                away=(*_BESIDE, *_ATTACK, "adversarial_eps"),
                question=Pick(ask="Which one's curve rises steadily?", choices=("FGSM", "PGD"), right=1),
                after="The gradient holds near the photo only. PGD asks for it anew at every step; FGSM goes all the "
                "way in the first direction.",
            ),
        ),
    ),
    Lesson(
        title="A neuron in the plane",
        steps=(
            Step(
                page="adversarial",
                task="You can move only epsilon and the step size. At which epsilon does the corner of the square "
                "cross the line? Does a larger step get there sooner?",
                view={"adversarial_tab": "On paper", "adversarial_tab_paper": "One neuron"},
                away=(*_BESIDE, *_ATTACK, "adversarial_eps", *_PLANE),
                question=Number(ask="At which epsilon does a corner reach the line?", answer=2 / 3, tolerance=0.02),
                after="|w·x + b| / (|w₁| + |w₂|) = 2/3: the answer at x, divided by how fast a corner can change it.",
            ),
        ),
    ),
)
