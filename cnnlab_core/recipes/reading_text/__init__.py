"""The Python that the views of Reading text hand out."""
