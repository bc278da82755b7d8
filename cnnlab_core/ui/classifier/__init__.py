"""The parts of the classifier page: the answers on top, and a file for each tab below them."""
