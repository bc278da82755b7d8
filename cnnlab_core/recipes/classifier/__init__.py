"""The Python behind the classifier page."""
