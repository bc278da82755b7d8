"""Softmax, worked out: the probability of any class, term by term."""

import streamlit as st

from cnnlab_core.classification.softmax import rank, work_out_softmax
from cnnlab_core.ui.classifier.answers import CONTROLS, Answers, needs_answer
from cnnlab_core.ui.show import plain


def show(answers: Answers) -> None:
    """A class to search, its rank, logit and probability, and the sum that gives the last."""
    answer, labels = needs_answer(answers), answers.subject.labels
    if answer is None:
        return
    names = [f"{index} · {label}" for index, label in enumerate(labels)]
    search = CONTROLS.search(
        "class", f"Any of the {len(names)} classes", names, "Search, for example “tabby”. Now: the most probable class."
    )
    index = names.index(search) if search else answer.best[0].index
    worked = work_out_softmax(answer.logits, index, answers.view.temperature)
    shown = worked.rounded(6)
    place, logit, probability = st.columns(3)
    place.metric(f"Rank of “{plain(labels[index])}”", f"{rank(answer.logits, index)} of {len(names)}")
    logit.metric("Logit z", f"{answer.logits[index]:.4f}")
    probability.metric("Probability", f"{worked.probability:.4%}")
    st.latex(
        rf"P = \frac{{e^{{(z - z_{{\max}})/T}}}}{{\sum_j e^{{(z_j - z_{{\max}})/T}}}}"
        rf" = \frac{{{shown.numerator:.6f}}}{{{shown.denominator:.6f}}} = {worked.probability:.6f}"
        rf"\qquad z_{{\max}} = {worked.largest_logit:.4f},\quad T = {worked.temperature:g}"
    )
    shifted = [f"{(term.logit - worked.largest_logit) / worked.temperature:.4f}" for term in shown.terms]
    table = {
        "class": [names[term.index] for term in shown.terms] + [f"the other {shown.rest_count} together", "sum"],
        "logit z": [f"{term.logit:.4f}" for term in shown.terms] + ["", ""],
        "(z − z_max) / T": [*shifted, "", ""],
        "e^…": [f"{value:.6f}" for value in (*(t.value for t in shown.terms), shown.rest, shown.denominator)],
    }
    st.dataframe(table, hide_index=True)
    st.caption(
        "Subtracting the largest logit changes nothing, since numerator and denominator shrink by the same factor, and "
        "it keeps e^… from overflowing. Move the temperature: above 1 the probabilities even out, below 1 the largest "
        "takes nearly everything. The order of the classes stays the same."
    )
