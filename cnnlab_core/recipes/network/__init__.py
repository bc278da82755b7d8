"""The Python that the page “Inside a network” hands out."""
