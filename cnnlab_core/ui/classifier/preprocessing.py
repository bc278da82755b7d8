"""Preprocessing: from photo to input, step by step."""

import streamlit as st

from cnnlab_core.ui.classifier.answers import Answers


def show(answers: Answers) -> None:
    """The picture after each step, with its shape and its range of numbers."""
    steps = answers.subject.spec.preprocessing
    about = {
        "original": "the file as it is",
        "resized": f"shorter side to {steps.resize}, {steps.interpolation}",
        "cropped": f"the central {steps.crop} × {steps.crop}: this is all that the network sees",
        "normalised": f"(x − mean) / std, mean {steps.mean}, std {steps.std}; drawn from lowest to highest",
    }
    for column, (number, stage) in zip(st.columns(4), enumerate(answers.stages, 1), strict=False):
        channels, height, width = stage.shape
        column.image(stage.image, alt=f"The picture, {stage.name}", output_format="PNG")
        column.markdown(
            f"**{number}. {stage.name}** {channels} × {height} × {width}, "
            f"numbers from {stage.range[0]:.2f} to {stage.range[1]:.2f}  \n{about[stage.name]}"
        )
