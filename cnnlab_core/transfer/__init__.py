"""Transfer learning: a network as a feature extractor, and a linear classifier on its features.

Source: Razavian et al. 2014, "CNN features off-the-shelf" (arXiv:1403.6382); Kornblith et al. 2019, "Do better
ImageNet models transfer better?" (arXiv:1805.08974): l2-normalised features, multinomial logistic regression.
"""

from cnnlab_core.transfer.collections import Collection, Drawn, Item, draw, list_collections, open_collection
from cnnlab_core.transfer.curve import CurvePoint, curve, curve_steps
from cnnlab_core.transfer.extraction import ExtractStep, FeatureLayer, extract, extract_steps, feature_layer, features
from cnnlab_core.transfer.learning import Learned, LearnStep, learn, learn_steps
from cnnlab_core.transfer.projection import Projection, project
from cnnlab_core.transfer.softmax import PENALTIES, Softmax, choose_penalty, fit, mean_per_class_accuracy

__all__ = [
    "PENALTIES",
    "Collection",
    "CurvePoint",
    "Drawn",
    "ExtractStep",
    "FeatureLayer",
    "Item",
    "LearnStep",
    "Learned",
    "Projection",
    "Softmax",
    "choose_penalty",
    "curve",
    "curve_steps",
    "draw",
    "extract",
    "extract_steps",
    "feature_layer",
    "features",
    "fit",
    "learn",
    "learn_steps",
    "list_collections",
    "mean_per_class_accuracy",
    "open_collection",
    "project",
]
