"""Several pictures with their true classes: the gallery, or one's own; those that are wrong before are set apart."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from cnnlab_core.attacks.studies.sweep import class_in_name
from cnnlab_core.classification.batch import Classified, classify
from cnnlab_core.errors import InputError
from cnnlab_core.images import sample_images
from cnnlab_core.models import load_model
from cnnlab_core.ui.adversarial.choice import Choice, class_names
from cnnlab_core.ui.classroom import classroom
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.show import data_address, plain

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
class Subject:
    """A picture to attack, and its true class; None: what the network says. ``sample`` is its name in the gallery."""

    title: str
    key: str
    content: bytes
    sample: str | None
    y: int | None

    @staticmethod
    def of(choice: Choice) -> "Subject":
        """The page's picture."""
        picture = choice.picture
        return Subject(picture.title, picture.key, picture.content, choice.sample, None)


def choose_several(choice: Choice) -> tuple[Subject, ...]:
    """Drop pictures or take the gallery, set their true classes; gives those that the network names right."""
    files = st.file_uploader(
        "Several pictures", accept_multiple_files=True, key="adversarial_several", max_upload_size=classroom().upload_mb
    )
    if len(files) > MOST:
        raise InputError(f"These are {len(files)} pictures. Drop at most {MOST} at a time.")
    if files:
        subjects = [Subject(file.name, digest(file.getvalue()), file.getvalue(), None, None) for file in files]
    else:
        st.caption("Here is the sample gallery; drop your own pictures above.")
        subjects = [
            Subject(sample.title, digest(name), sample.content, name, None) for name, sample in sample_images().items()
        ]

    def job() -> Generator[Classified, None, list[Classified]]:
        model = load_model(choice.spec.name, choice.weights)
        return (yield from classify(model, [(subject.title, subject.content) for subject in subjects]))

    answers = run(
        "several",
        digest("several", choice.spec.name, choice.weights, [(subject.title, subject.key) for subject in subjects]),
        job,
        label=f"Naming {len(subjects)} pictures",
        share=lambda answer: (answer.index + 1) / len(subjects),
        for_everybody=not files,
    ).result
    if answers is None:
        return ()
    true = _true_classes(choice, subjects, answers)
    return _right_before(choice, subjects, answers, true)


def _true_classes(choice: Choice, subjects: Sequence[Subject], answers: Sequence[Classified]) -> list[int | None]:
    """The table in which one sets them; None for a picture that is left out."""
    names = class_names(choice.spec)
    suggested = [_suggested(choice, *pair) for pair in zip(subjects, answers, strict=True)]
    rows = [
        {
            "": data_address(answer.icon) if answer.icon else None,
            "picture": subject.title,
            "true class": None if index is None else names[index],
            "the network says": answer.problem or names[answer.best[0].index],
            "probability": answer.best[0].probability if answer.best else None,
        }
        for subject, answer, index in zip(subjects, answers, suggested, strict=True)
    ]
    edited = st.data_editor(
        rows,
        hide_index=True,
        key=f"adversarial_true {digest(rows)[:12]}",
        disabled=["", "picture", "the network says", "probability"],
        column_config={
            "": st.column_config.ImageColumn(width=64),
            "true class": st.column_config.SelectboxColumn(options=names, width="medium"),
            "probability": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
        },
    )
    given = [row["true class"] for row in edited]
    return [names.index(name) if name in names else None for name in given]


def _suggested(choice: Choice, subject: Subject, answer: Classified) -> int | None:
    """The true class as the gallery or the file's name tells it; of other files, what the network says."""
    if not answer.best:
        return None
    if subject.sample is not None:
        label = GALLERY_CLASSES.get(subject.sample)
        return choice.labels.index(label) if label in choice.labels else None
    told = class_in_name(subject.title, choice.labels)
    return answer.best[0].index if told is None else told


def _right_before(
    choice: Choice, subjects: Sequence[Subject], answers: Sequence[Classified], true: Sequence[int | None]
) -> tuple[Subject, ...]:
    right, wrong, out = [], [], []
    for subject, answer, y in zip(subjects, answers, true, strict=True):
        if y is None or not answer.best:
            out.append(plain(subject.title))
        elif answer.best[0].index == y:
            right.append(Subject(subject.title, subject.key, subject.content, subject.sample, y))
        else:
            said, meant = plain(answer.best[0].label), plain(choice.labels[y])
            wrong.append(f"{plain(subject.title)} ({said} instead of {meant})")
    count = len(right) + len(wrong)
    if wrong:
        st.markdown(
            f"**{len(wrong)} of {count} wrong before anything was done**, no merit of an attack, so they aren't in the "
            f"curves: {', '.join(wrong)}."
        )
    if out:
        st.markdown(f"Left out, without a true class: {', '.join(out)}.")
    if not right:
        st.info("No picture is left that the network names right, so there is no accuracy to lose.")
    return tuple(right)
