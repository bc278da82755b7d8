"""What tests of pages read there, and what they press."""


def texts(app):
    """All sentences on the page, as they are read."""
    kinds = (app.markdown, app.caption, app.success, app.info, app.warning, app.error)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def metrics(app):
    """The metrics by label."""
    return {element.label: element.value for element in app.metric}


def press(app, label):
    """Press the button whose label begins so."""
    next(button for button in app.button if button.label.startswith(label)).click().run()
    assert not app.exception
    return app
