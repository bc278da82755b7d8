"""Several pictures with their true classes: the gallery, or your own; those misclassified anyway are left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from cnnlab_core.attacks.studies.sweep import class_in_name
from cnnlab_core.classification.batch import Classified, classify_steps
from cnnlab_core.errors import InputError
from cnnlab_core.images import sample_images
from cnnlab_core.ui.adversarial.choice import CONTROLS
from cnnlab_core.ui.adversarial.target import class_names
from cnnlab_core.ui.controls import held
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.show import data_address, plain
from cnnlab_core.ui.subject import Subject, run_on_model
from cnnlab_core.ui.uploads import bring_files

MOST = 20
"""More pictures than this are refused: somebody else wants to compute too."""

GALLERY_CLASSES: Mapping[str, str] = {
    "chelsea": "tiger cat",
    "coffee": "espresso",
    "rocket": "missile",
    "motorcycle": "moped",
    "grace_hopper": "military uniform",
    "brick": "stone wall",
    "clock": "wall clock",
}
"""What a person calls the gallery's pictures, where ImageNet has a class for it. (It has none for an astronaut.)"""


@dataclass(frozen=True)
class LabelledPicture:
    """A picture to attack, and its true class; None: what the network says. ``sample`` is its name in the gallery."""

    title: str
    key: str
    content: bytes
    sample: str | None
    y: int | None

    @staticmethod
    def of(subject: Subject) -> "LabelledPicture":
        """The page's picture."""
        picture = subject.picture
        return LabelledPicture(picture.title, picture.key, picture.content, subject.sample, None)


def choose_pictures(subject: Subject) -> tuple[LabelledPicture, ...]:
    """Drop pictures or take the gallery, set their true classes; gives those that are classified correctly."""
    files = bring_files("Several pictures", key=CONTROLS.key("several"))
    if len(files) > MOST:
        raise InputError(f"These are {len(files)} pictures. Drop at most {MOST} at a time.")
    if files:
        pictures = [LabelledPicture(file.name, digest(file.getvalue()), file.getvalue(), None, None) for file in files]
    else:
        st.caption("Here is the sample gallery; drop your own pictures above.")
        pictures = [
            LabelledPicture(sample.title, digest(name), sample.content, name, None)
            for name, sample in sample_images().items()
        ]
    answers = run_on_model(
        "several",
        subject.network,
        ([(one.title, one.key) for one in pictures],),
        lambda model: classify_steps(model, [(one.title, one.content) for one in pictures]),
        label=f"Classifying {len(pictures)} pictures",
        for_everybody=not files,
    ).result
    if answers is None:
        return ()
    return _classified_correctly(subject, pictures, answers, _true_classes(subject, pictures, answers))


def _true_classes(
    subject: Subject, pictures: Sequence[LabelledPicture], answers: Sequence[Classified]
) -> list[int | None]:
    """The table in which they are set; None for a picture that is left out."""
    names = class_names(subject.spec)
    suggested = [_suggested(subject.labels, *pair) for pair in zip(pictures, answers, strict=True)]
    rows = [
        {
            "": data_address(answer.icon) if answer.icon else None,
            "picture": picture.title,
            "true class": None if index is None else names[index],
            "the network says": answer.problem or names[answer.best[0].index],
            "probability": answer.best[0].probability if answer.best else None,
        }
        for picture, answer, index in zip(pictures, answers, suggested, strict=True)
    ]
    key = f"{CONTROLS.key('true')} {digest(rows)[:12]}"
    kept = st.session_state.setdefault(held(f"{key} kept"), {"now": [row["true class"] for row in rows]})
    if key not in st.session_state:  # drawn for the first time, or again: the browser has forgotten what was typed
        kept["first"] = kept["now"]
    for row, name in zip(rows, kept["first"], strict=True):
        row["true class"] = name
    edited = st.data_editor(
        rows,
        hide_index=True,
        key=key,
        disabled=["", "picture", "the network says", "probability"],
        column_config={
            "": st.column_config.ImageColumn(width=64),
            "true class": st.column_config.SelectboxColumn(options=names, width="medium"),
            "probability": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
        },
    )
    kept["now"] = [row["true class"] for row in edited]
    return [names.index(name) if name in names else None for name in kept["now"]]


def _suggested(labels: Sequence[str], picture: LabelledPicture, answer: Classified) -> int | None:
    """The true class as the gallery or the file's name has it; of other files, what the network says."""
    if not answer.best:
        return None
    if picture.sample is not None:
        label = GALLERY_CLASSES.get(picture.sample)
        return labels.index(label) if label in labels else None
    found = class_in_name(picture.title, labels)
    return answer.best[0].index if found is None else found


def _classified_correctly(
    subject: Subject, pictures: Sequence[LabelledPicture], answers: Sequence[Classified], true: Sequence[int | None]
) -> tuple[LabelledPicture, ...]:
    """The pictures that are; the others are listed on the page."""
    right, wrong, out = [], [], []
    for picture, answer, y in zip(pictures, answers, true, strict=True):
        if y is None or not answer.best:
            out.append(plain(picture.title))
        elif answer.best[0].index == y:
            right.append(replace(picture, y=y))
        else:
            wrong.append(
                f"{plain(picture.title)} ({plain(answer.best[0].label)} instead of {plain(subject.labels[y])})"
            )
    if wrong:
        st.markdown(
            f"**{len(wrong)} of {len(right) + len(wrong)} misclassified without any attack**, so they aren't in the "
            f"curves: {', '.join(wrong)}."
        )
    if out:
        st.markdown(f"Left out, without a true class: {', '.join(out)}.")
    if not right:
        st.info("No picture is left that the network classifies correctly, so there is no accuracy to lose.")
    return tuple(right)
