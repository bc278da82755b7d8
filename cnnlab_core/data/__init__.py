"""Data sets of labelled pictures: where they come from, verified, in memory as bytes.

Names: ``cifar10``; ``shapes`` (generated) and ``digits`` (of MNIST), which need no network; and ``own:<name>``
(imported folders and zips).
"""

from cnnlab_core.data.dataset import Dataset, Pictures, Split, data_folder, split_validation
from cnnlab_core.data.own import import_pictures
from cnnlab_core.data.sources import Source, find_data, list_data, open_data, open_data_steps

__all__ = [
    "Dataset",
    "Pictures",
    "Source",
    "Split",
    "data_folder",
    "find_data",
    "import_pictures",
    "list_data",
    "open_data",
    "open_data_steps",
    "split_validation",
]
