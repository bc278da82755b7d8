"""A full disk: whoever writes says what to do or does without, and half a file never stays behind."""

from test_weights import folders, nothing_left_behind, serving, spec_at, whole_file  # noqa: F401  a fixture
from training_runs import TINY, lab_folders, tiny  # noqa: F401  a fixture
