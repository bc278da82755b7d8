"""Data sets of labelled pictures, and texts: where they come from, verified, in memory as bytes.

Names: ``cifar10``; ``shapes`` and ``marked_shapes`` (generated) and ``digits`` (of MNIST), which need no network; and
``own:<name>`` (imported folders and zips); for text, ``names`` and ``text:<name>``.
"""

from cnnlab_core.data.dataset import Dataset, Pictures, Split, data_folder, split_validation
from cnnlab_core.data.own import import_pictures, import_pictures_steps
from cnnlab_core.data.sources import Source, find_data, list_data, list_texts, open_data, open_data_steps
from cnnlab_core.data.text import Text, delete_text, entropies, import_text, open_text

__all__ = [
    "Dataset",
    "Pictures",
    "Source",
    "Split",
    "Text",
    "data_folder",
    "delete_text",
    "entropies",
    "find_data",
    "import_pictures",
    "import_pictures_steps",
    "import_text",
    "list_data",
    "list_texts",
    "open_data",
    "open_data_steps",
    "open_text",
    "split_validation",
]
