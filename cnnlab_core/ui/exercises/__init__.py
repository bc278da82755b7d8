"""Exercises on the pages: one to be worked out and checked, and whole sheets of them."""
