"""What the tabs of the page share: a subject, an attack on it, and a target."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from cnnlab_core.attacks.methods import FIRST_LOOK, METHODS, Plan, find_method
from cnnlab_core.attacks.result import View
from cnnlab_core.classification.batch import Classified
from cnnlab_core.ui.adversarial.settings import choose_plan, in_words
from cnnlab_core.ui.adversarial.target import choose_aim, resolve
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.subject import Subject, choose_subject, classify_picture

CONTROLS = Controls("adversarial")


@dataclass(frozen=True)
class Choice:
    """A subject with the network's ``answer`` to it, an attack, and the class to reach.

    ``aim`` is how the target was chosen (a class, a rule, or any other class), ``target`` the class it comes to, None
    for any other class.
    """

    subject: Subject
    answer: Classified
    plan: Plan
    aim: str
    target: int | None

    @property
    def about(self) -> str:
        """Subject, attack and target in sentences, for captions on paper."""
        goal = "any other class" if self.target is None else self.subject.labels[self.target]
        return f"{self.subject.about} Attack: {in_words(self.plan)}; target: {goal}."

    @property
    def clean(self) -> View:
        """The picture without an attack."""
        return View(np.asarray(self.subject.seen), self.answer.logits)

    @property
    def already(self) -> bool:
        """Whether the target is the class that the network names anyway."""
        return self.target == self.answer.best[0].index

    @property
    def is_first_look(self) -> bool:
        """Whether it is an attack that the page opens with, on any sample: those wait for no button."""
        return self.plan == FIRST_LOOK and self.subject.picture.is_sample


def choose() -> Choice | None:
    """The sidebar's choosers and the rows that set the attack; None, with its reason on the page, without an answer."""
    subject = choose_subject("adversarial")
    if subject is None:
        return None
    answer = classify_picture(subject.spec, subject.weights, subject.picture, place="adversarial")
    if answer is None:
        return None
    first, second, third, last = st.columns([1.1, 1.5, 1.5, 0.6], gap="medium", vertical_alignment="bottom")
    titles = [method.title for method in METHODS.values()]
    method = find_method(CONTROLS.select("attack", "Attack", titles, FIRST_LOOK.title, place=first))
    with second:
        aim = choose_aim(CONTROLS, subject.spec, needs_target=method.needs_target)
    plan = choose_plan(CONTROLS, method, third, last)
    target = resolve(aim, answer, plan.seed)
    choice = Choice(subject, answer, plan, aim, target)
    if choice.already:
        label = plain(answer.best[0].label)
        st.info(
            f"The network already classifies this picture as “{label}”, and “{label}” is the target: the attack makes "
            "it surer. It succeeds if the probability rises.",
            icon=":material/info:",
        )
    return choice
