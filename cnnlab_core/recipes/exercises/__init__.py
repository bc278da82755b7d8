"""The Python of the exercises: one to practise, and whole sheets."""
