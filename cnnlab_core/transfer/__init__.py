"""Transfer learning: a network as a feature extractor, and a linear classifier on its features.

Source: Razavian et al. 2014, "CNN features off-the-shelf" (arXiv:1403.6382); Kornblith et al. 2019, "Do better
ImageNet models transfer better?" (arXiv:1805.08974): l2-normalised features, multinomial logistic regression.
"""

from cnnlab_core.classification.answers import mean_per_class_accuracy
from cnnlab_core.transfer.classifier import Learned, learn, learn_steps
from cnnlab_core.transfer.collections import Collection, Drawn, Item, draw, list_collections, open_collection
from cnnlab_core.transfer.extraction import FeatureLayer, extract, extract_steps, feature_layer, features
from cnnlab_core.transfer.learning_curve import CurvePoint, curve, curve_steps
from cnnlab_core.transfer.projection import Projection, project
from cnnlab_core.transfer.softmax_regression import PENALTIES, SoftmaxRegression, choose_penalty, fit

__all__ = [
    "PENALTIES",
    "Collection",
    "CurvePoint",
    "Drawn",
    "FeatureLayer",
    "Item",
    "Learned",
    "Projection",
    "SoftmaxRegression",
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
