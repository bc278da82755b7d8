"""How a recipe of a trained network begins."""


def opening(name: str, *, of_run: bool) -> str:
    """The lines that open the network called ``name`` as ``model``: a run's, or one that is loaded by its name."""
    if of_run:
        return (
            f"from cnnlab_core.training import character_model, find_run\n\nmodel = character_model(find_run({name!r}))"
        )
    return f"from cnnlab_core.language import load_character_model\n\nmodel = load_character_model({name!r})"
