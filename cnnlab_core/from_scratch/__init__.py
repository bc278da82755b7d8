"""Small things written out by hand in numpy, each beside the same thing by torch."""
