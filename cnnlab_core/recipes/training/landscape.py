"""The Python of the view Loss around it."""


def code(run: str, points: int, distance: float, pictures: int, seed: int) -> str:
    """The loss around a run's weights along two random directions."""
    return f"""\
import numpy as np
from cnnlab_core.training import find_run
from cnnlab_core.training.landscape import Question, landscape

question = Question(points={points}, distance={distance!r}, pictures={pictures}, seed={seed})
found = landscape(find_run("{run}"), question)  # (points, points) losses in nats
print("the network's own loss", found.centre, "; median on the rim", found.rim)
np.savetxt("landscape.csv", found.losses, delimiter=",")
"""
