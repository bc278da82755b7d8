"""“I have this exercise”: each question of a problem set, in our own words, with the view in which it is done.

Data and one drawing function: the home page imports no torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import streamlit as st

from cnnlab_core.ui.contents import find_page
from cnnlab_core.ui.controls import Controls

View = Mapping[str, str | list[str]]
TITLE = "I have this exercise"
PARAMETER = "exercise"


@dataclass(frozen=True)
class Question:
    """A question: its ``topic``, its ``title``, what to ``do``, and what to ``hand_in``.

    ``page`` and ``view`` are the link to it, ``answer`` what is right, if there is one answer, as the page writes it
    (a pattern for ``re``). ``button`` is what is still to be pressed, ``file`` the label of the file to hand in, and
    ``words`` are others that people search for.
    """

    topic: str
    title: str
    do: str
    page: str
    view: View
    hand_in: str
    answer: str = ""
    button: str = ""
    file: str = ""
    words: str = ""

    @property
    def address(self) -> str:
        """The link, without the lab's own address."""
        return f"/{self.page}?{urlencode(self.view, doseq=True)}"

    def fits(self, search: str) -> bool:
        """Whether every word of a search is somewhere in it."""
        text = " ".join((self.topic, self.title, self.do, self.hand_in, self.words, find_page(self.page).title)).lower()
        return all(word in text for word in search.lower().split())


_CAT: View = {"picture": "chelsea"}
_PAPER = {"topic": "Convolution on paper", "page": "convolution"}
_MAPS = {"topic": "Inside a network", "page": "feature_maps"}
_ATTACK = {"topic": "Adversarial pictures", "page": "adversarial"}
_PLANE = {"topic": "Attacks on a neuron", "page": "adversarial"}
_TRAIN = {"topic": "Training", "page": "training"}
_TEXT = {"topic": "Recurrent networks", "page": "reading_text"}
_TABLE = "the table, and the code"

QUESTIONS: tuple[Question, ...] = (
    Question(
        **_PAPER,
        title="A 1-D convolution forward, stride 1 and 2",
        do="x = (1, −1, 3, 4, 4), w = (1, 1), no padding. Compute y by hand, then move the stride to 2.",
        view={
            "conv_tab": "Slide",
            "conv_tab_slide": "1-D",
            "conv_1_x": "1 -1 3 4 4",
            "conv_1_w": "1 1",
            "conv_1_padding": "0",
        },
        hand_in="the written-out sum of each output",
        answer="y = 0 2 7 8",
        file="Numbers as CSV",
        words="forward kernel filter signal",
    ),
    Question(
        **_PAPER,
        title="A 1-D convolution backward: Jacobians and gradients",
        do="x = (1, −1, 3, 4, 4, 2), w = (1, 2, 3). Write down dy/dw and dy/dx, then the gradients for dL/dy = 1.",
        view={
            "conv_tab": "Backward",
            "conv_back": "1-D",
            "conv_1_x": "1 -1 3 4 4 2",
            "conv_1_w": "1 2 3",
            "conv_1_padding": "0",
            "conv_1_dy": "1 1 1 1",
        },
        hand_in="both matrices, and the gradients of x, w and b",
        answer="dw = 7 10 13",
        file="Numbers as CSV",
        words="backpropagation toeplitz jacobian derivative",
    ),
    Question(
        **_PAPER,
        title="A 2-D convolution, forward and backward",
        do="Slide the kernel over the input, write down one output, then follow its gradient back to the kernel.",
        view={"conv_tab": "Slide", "conv_tab_slide": "2-D"},
        hand_in="the sum of one cell, and one step of gradient descent",
        file="Numbers as CSV",
        words="kernel stride padding dilation groups channels",
    ),
    Question(
        **_PAPER,
        title="Pooling a signal",
        do="x = (1, 5, 2, 4, 4, 0), window 3, stride 1: max and average, then where the gradient goes.",
        view={
            "conv_tab": "Slide",
            "conv_tab_slide": "Pooling",
            "conv_pool_dims": "1-D",
            "conv_pool1_x": "1 5 2 4 4 0",
            "conv_pool1_window": "3",
            "conv_pool1_stride": "1",
        },
        hand_in="the outputs and the gradient of x",
        answer="y = 5 5 4 4",
        file="Numbers as CSV",
        words="max pooling average subsampling",
    ),
    Question(
        **_PAPER,
        title="Partial derivatives of a neuron",
        do="y = w · x + b with w = (2, 1), b = 3, x = (4, 2): every partial derivative, by hand and by autograd.",
        view={
            "conv_tab": "Linear layers",
            "conv_tab_linear": "Autograd warm-up",
            "conv_auto_w": "2 1",
            "conv_auto_x": "4 2",
            "conv_auto_b": "3",
        },
        hand_in="the derivatives, and the lines of PyTorch that check them",
        answer="13",
        words="autograd gradient linear pytorch tensor",
    ),
    Question(
        **_PAPER,
        title="Mean squared error and its gradient on XOR",
        do="A linear neuron with w = (2, 1), b = 3 on the four points of XOR: the error and its gradient.",
        view={
            "conv_tab": "Linear layers",
            "conv_tab_linear": "Autograd warm-up",
            "conv_auto_start_w1": "2",
            "conv_auto_start_w2": "1",
            "conv_auto_start_b": "3",
            "conv_auto_step": "0",
        },
        hand_in="the error, the gradient, and one step of gradient descent",
        answer="17[.]5",
        file="The descent on XOR (CSV)",
        words="mse loss regression autograd",
    ),
    Question(
        **_PAPER,
        title="Mean squared error by one's own formula and by PyTorch's",
        do="Type predictions and true values into the table, and compare the two results.",
        view={
            "conv_tab": "Linear layers",
            "conv_tab_linear": "Autograd warm-up",
            "conv_auto_table": "predictions and targets",
            "conv_auto_pairs": "1 0; 2 4; 3 3",
        },
        hand_in="both results and the code",
        answer="1[.]6667|1[.]666667",
        words="mse loss function",
    ),
    Question(
        **_PAPER,
        title="1×1 convolutions, position-wise layers and attention",
        do="Shuffle the rows: which layers only shuffle their outputs? Then the same layer by Linear and by Conv1d.",
        view={"conv_tab": "Linear layers", "conv_tab_linear": "1×1 and attention"},
        hand_in="the proof in three lines, and the code with its assertion",
        file="All numbers (JSON)",
        words="permutation equivariance self-attention transformer nn.Linear nn.Conv1d",
    ),
    Question(
        topic="Classification",
        page="classifier",
        title="The five most probable classes of a photo",
        do="Choose a photo or bring your own; show the top five as logits and as probabilities.",
        view=_CAT,
        hand_in="both bar charts as PNG, SVG or PDF",
        answer="Egyptian cat|tabby|tiger cat",
        file="PNG",
        words="top-k top-5 softmax logits imagenet bar plot",
    ),
    Question(
        topic="Classification",
        page="classifier",
        title="A trained network beside one with random weights",
        do="Ask both about the same photo. How sure is the random one, and of what?",
        view={**_CAT, "classifier_versus": "EfficientNet-Lite0, random"},
        hand_in="both answers as charts, and a sentence",
        file="PNG",
        words="initialisation untrained pretrained compare",
    ),
    Question(
        **_MAPS,
        title="Feature maps from early to late",
        do="Look at maps of an early, a middle and a late layer. What becomes of edges, and of the photo?",
        view={"maps_tab": "Layer by layer", "maps_tab_layers": "Early, middle, late", **_CAT},
        hand_in="one figure with the three layers",
        file="Figure (PNG)",
        words="activations visualise layers intermediate",
    ),
    Question(
        **_MAPS,
        title="Feature maps of a trained and an untrained network",
        do="Compare the same layer with trained and with random weights.",
        view={"maps_tab": "Layer by layer", "maps_tab_layers": "Compare", **_CAT},
        hand_in="the two mosaics, and what differs",
        file="Both mosaics (PNG)",
        words="random pretrained weights activations",
    ),
    Question(
        **_MAPS,
        title="The filters of the first layer",
        do="Look at the filters of the first layer, trained and random, and click one to read its numbers.",
        view={"maps_tab": "What channels look for", "maps_tab_channels": "First-layer filters"},
        hand_in="the mosaic of filters",
        file="Filters (PNG)",
        words="kernels weights gabor edges colours",
    ),
    Question(
        topic="Inside a network",
        page="receptive_fields",
        title="Receptive fields of AlexNet's first layers",
        do="Which pixels do the middle units of layers 1, 2 and 3 see? Mind how your sheet counts.",
        view={"maps_tab": "AlexNet", "maps_counting": "pixels from 1, units 0, bottom left"},
        hand_in="the rectangles, worked out, with the figure",
        answer="109 … 119",
        file="Figure 2012 (PDF)",
        words="receptive field 227 rectangle centre pixels stride size",
    ),
    Question(
        **_ATTACK,
        title="Noise that makes a photo a tarantula",
        do="Change each pixel by at most 4/255, so that the network sees a tarantula.",
        view={**_CAT, "adversarial_attack": "PGD", "adversarial_target": "76 · tarantula"},
        hand_in="original, noise and adversarial picture, with the classes",
        answer="tarantula",
        file="Adversarial (PNG)",
        words="targeted attack adversarial example epsilon fooling",
    ),
    Question(
        **_ATTACK,
        title="A cat made even more of a tiger cat",
        do="The target is the class that the network gives already. What does the attack change?",
        view={**_CAT, "adversarial_attack": "PGD", "adversarial_target": "282 · tiger cat"},
        hand_in="the probabilities before and after",
        answer="surer",
        file="Adversarial (PNG)",
        words="tiger cat same class target",
    ),
    Question(
        **_ATTACK,
        title="Probability ascent, as the sheet writes it",
        do="x ← x + λ ∂P/∂x, clipped to ±ε. Why does it hardly move? Then take log P, or the normalised gradient.",
        view={
            "picture": "coffee",
            "adversarial_attack": "Probability ascent",
            "adversarial_target": "76 · tarantula",
        },
        hand_in="the curves of P and of its gradient, and the attack that works",
        answer="Not fooled",
        button="Attack",
        file="Adversarial (PNG)",
        words="tarantula tiger cat gradient ascent lambda vanishing",
    ),
    Question(
        **_ATTACK,
        title="Noise with a small L1 norm, by Adam",
        do="Minimise the loss of the target plus α times the L1 norm. What does α change? Two pictures, three classes.",
        view={**_CAT, "adversarial_attack": "l1 by Adam", "adversarial_target": "76 · tarantula"},
        hand_in="the figure of two pictures and three classes each",
        answer="Fooled",
        button="Attack",
        file="Adversarial (PNG)",
        words="l1 regularisation penalty sparse bell pepper space shuttle",
    ),
    Question(
        **_ATTACK,
        title="Four pictures, each with a target of its own",
        do="Choose four pictures and a target for each.",
        view={
            "adversarial_tab": "Report",
            "adversarial_report_each": "true",
            "adversarial_report_pictures": ["Chelsea the cat", "A cup of coffee", "A rocket", "A motorcycle"],
        },
        hand_in="the 4 × 3 figure",
        button="Make the report",
        file="Figure (PDF)",
        words="report table figure targeted",
    ),
    Question(
        **_ATTACK,
        title="Adversarial pictures under transforms",
        do="Mirror, crop, rotate and grey the adversarial pictures. Which still fool the network?",
        view={"adversarial_tab": "Report", "adversarial_report_each": "true", "adversarial_report_transforms": "true"},
        hand_in="the 4 × 4 figure with classes and probabilities",
        file="Transforms (PDF)",
        words="robust physical augmentation flip crop rotation grayscale transform",
    ),
    Question(
        **_ATTACK,
        title="An ordinary and a robust network under the same attack",
        do="Attack the network that was trained against attacks, and the one that wasn't.",
        view={
            "model": "cifar10_standard",
            "adversarial_tab": "Does it survive?",
            "adversarial_tab_survive": "Transferability",
        },
        hand_in="the smallest epsilons of both, and a sentence",
        file="All pictures (PNG)",
        words="robust adversarial training madry defence",
    ),
    Question(
        **_PLANE,
        title="FGSM and PGD on a single neuron",
        do="Where does a step from x lead, with the sign of the gradient, and with the gradient itself?",
        view={
            "adversarial_tab": "On paper",
            "adversarial_tab_paper": "One neuron",
            "adversarial_plane_gradient": "raw",
        },
        hand_in="the drawing, and the table of step sizes: inside or outside?",
        answer="inside|outside",
        file="Steps (CSV)",
        words="sign gradient square epsilon corner linear plane",
    ),
    Question(
        **_PLANE,
        title="What an attack changes: true or false",
        do="Do parameters change? Do pixel values? Does PGD always end inside the ball?",
        view={"adversarial_tab": "On paper", "adversarial_tab_paper": "Questions"},
        hand_in="your answers with a reason each",
        file="Exercise and solution (Markdown)",
        words="statements multiple choice fgsm pgd",
    ),
    Question(
        topic="Dreams",
        page="deepdream",
        title="Maximise the l2 norm of three layers",
        do="Three layers, from the same noise: what does each draw, and how far does its norm rise?",
        view={"dream_norm": "l2"},
        hand_in="the figure of the three, with the norm before and after",
        answer="l2 norm",
        words="deepdream feature visualisation norm activation maximisation",
    ),
    Question(
        **_TRAIN,
        title="Three networks on CIFAR-10",
        do="Train networks 1, 2 and 3 on all 50,000 pictures with plain cross-entropy, and compare them.",
        view={
            "training_tab": "New run",
            "training_net": "homework",
            "training_validation": "0.0",
            "training_label_smoothing": "0.0",
        },
        hand_in="the curves, the accuracies, and the confusion matrix",
        words="cnn accuracy loss cross-entropy optimiser epochs",
    ),
    Question(
        **_TRAIN,
        title="With and without batch normalisation",
        do="Train the same network with and without, and lay the curves over each other.",
        view={
            "training_tab": "New run",
            "training_net": "homework with batch norm",
            "training_validation": "0.0",
            "training_label_smoothing": "0.0",
        },
        hand_in="both curves in one chart",
        words="batchnorm normalisation speed",
    ),
    Question(
        topic="Transfer learning",
        page="transfer_learning",
        title="A classifier on frozen features",
        do="Learn new classes from a few pictures each, on the features of a pretrained network.",
        view={"transfer_tab": "Classifier"},
        hand_in="accuracy, confusion matrix, and some mistakes",
        answer="%",
        file="Confusion matrix (CSV)",
        words="fine-tuning frozen backbone pets linear head few-shot",
    ),
    Question(
        topic="Transfer learning",
        page="transfer_learning",
        title="How many pictures does it take?",
        do="Draw the accuracy over the number of pictures per class, with pretrained and with random features.",
        view={"transfer_tab": "Learning curve"},
        hand_in="the learning curve",
        file="Curves (CSV)",
        words="few-shot random pretrained data efficiency",
    ),
    Question(
        **_TEXT,
        title="A recurrent cell by hand",
        do="An RNN with three units reads “hello”: the states, the loss, and the gradients back through time.",
        view={"reading_tab": "By hand", "reading_hand_word": "hello", "reading_hand_cell": "RNN"},
        hand_in="the states, the loss, dW and dU, and the new loss after one step of gradient descent",
        answer="5[.]6812",
        file="Numbers as CSV",
        words="rnn bptt unrolled hidden state cross-entropy gradient",
    ),
    Question(
        **_TEXT,
        title="A recurrent model that writes names",
        do="Train one that predicts the next letter (New run, “Names”). How many bits per character does it need, how "
        "many does counting pairs of letters, and what does it write at three temperatures?",
        view={"reading_tab": "Train", "run": "names_lstm"},
        hand_in="the trained model, the loss curve, samples, and the code",
        answer="3[.]030",
        file="What it wrote (text)",
        words="language model character text generation lstm gru rnn temperature sampling perplexity",
    ),
)


def link_homework() -> None:
    """The way to the questions, from any page."""
    with st.container(key="find_exercise"):
        st.page_link("app.py", label=TITLE, icon=":material/search:", query_params={PARAMETER: "first"})


def is_wanted() -> bool:
    """Whether somebody came to the home page for the questions: then they are the first thing there."""
    return PARAMETER in st.query_params


def show_homework() -> None:
    """A box to search, and the questions that fit: each a link to its view, with what to do and to hand in."""
    st.header(TITLE)
    search = Controls("homework").text(
        "search",
        "Search the questions",
        placeholder="pooling, receptive field, tarantula, batch norm …",
        max_chars=60,
        label_visibility="collapsed",
    )
    found = [question for question in QUESTIONS if question.fits(search)]
    if not found:
        st.caption("No question has all of these words. Try fewer, or one of: convolution, gradient, attack, training.")
    for first in range(0, len(found), 2):
        for column, question in zip(st.columns(2, gap="large"), found[first : first + 2], strict=False):
            with column:
                page = find_page(question.page)
                st.page_link(page.file, label=question.title, icon=page.icon, query_params=dict(question.view))
                st.caption(f"{question.do} **Hand in:** {question.hand_in}.")


def homework_table() -> str:
    """The questions as a table in Markdown, with the right answers, for teachers: ``docs/homework.md``."""
    head = "| question | link | right answer, as the page shows it | to hand in |\n|---|---|---|---|"
    rows = [
        f"| **{one.title}.** {one.do} | [{find_page(one.page).title}]({one.address}) | "
        f"{one.answer.replace('|', ' or ').replace('[.]', '.')} | {one.hand_in} |"
        for one in QUESTIONS
    ]
    return "\n".join([head, *rows]) + "\n"
