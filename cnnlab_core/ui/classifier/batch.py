"""Several pictures: one table of answers, to take away as CSV."""

from collections.abc import Generator
from typing import Any

import streamlit as st

from cnnlab_core.classification.batch import Classified, batch_table, classify_steps
from cnnlab_core.errors import InputError
from cnnlab_core.images import sample_images
from cnnlab_core.models import load_model
from cnnlab_core.ui.classifier.answers import Answers
from cnnlab_core.ui.fetch import weights_ready
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.show import data_address
from cnnlab_core.ui.subject import Subject
from cnnlab_core.ui.uploads import bring_files

MOST_PICTURES = 60
"""Pictures of one batch: others are waiting for the device too."""


def show(answers: Answers) -> None:
    """Several pictures to drop, the gallery until then, and the best two classes of each."""
    rows = _classify(answers.subject)
    if not rows:
        return
    table = [
        {
            "": data_address(answer.icon) if answer.icon else None,
            "file": answer.file,
            "best class": answer.best[0].label if answer.best else answer.problem,
            "probability": answer.best[0].probability if answer.best else None,
            "second": answer.best[1].label if answer.best else "",
        }
        for answer in rows
    ]
    percent = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
    columns = {"": st.column_config.ImageColumn(width=64), "probability": percent}
    st.dataframe(table, hide_index=True, row_height=56, column_config=columns)
    st.download_button("Table as CSV", batch_table(rows), "cnnlab_batch.csv", "text/csv", icon=":material/download:")


def _classify(subject: Subject) -> list[Classified]:
    """An answer for each picture; none, with the reason on the page, if they can't be asked."""
    files = bring_files("Several pictures at once", key="batch")
    pictures = [(file.name, file.getvalue()) for file in files]
    if not pictures:
        st.caption("These are the sample pictures. Drop your own above.")
        pictures = [(sample.path.name, sample.content) for sample in sample_images().values()]
    if len(pictures) > MOST_PICTURES:
        raise InputError(f"These are {len(pictures)} pictures. Drop at most {MOST_PICTURES} at a time.")
    if not weights_ready(subject.spec, subject.weights, place="batch"):
        return []

    def job() -> Generator[Any, None, list[Classified]]:
        return (yield from classify_steps(load_model(*subject.network), pictures))

    return (
        run(
            "batch",
            digest("batch", *subject.network, *(part for picture in pictures for part in picture)),
            job,
            label=f"Classifying {len(pictures)} pictures",
            for_everybody=not files,
        ).result
        or []
    )
