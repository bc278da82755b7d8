"""What is on a page, as Streamlit's test driver sees it."""

FIGURE_FILES = ("PNG", "SVG", "PDF")
"""What stands beside every figure."""


def markdown(app):
    """All markdown, as it was written."""
    return "\n".join(element.value for element in app.markdown)


def captions(app):
    """All captions, without the backslashes that keep names from being markdown."""
    return "\n".join(element.value for element in app.caption).replace("\\", "")


def metrics(app):
    """The numbers by their labels."""
    return {element.label: element.value for element in app.metric}


def problems(app):
    """The errors, as sentences."""
    return [element.value.replace("\\", "") for element in app.error]


def code(app):
    """The Python at the end of the view."""
    return app.code[-1].value


def files(app):
    """What the buttons that save a file say, without those of the figures."""
    return [button.proto.label for button in app.get("download_button") if button.proto.label not in FIGURE_FILES]
