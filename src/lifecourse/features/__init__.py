"""What is known of people at their prediction times, as numbers with names."""

from lifecourse.features.extraction import featurize, vocabularies
from lifecourse.features.matrix import FeatureMatrix
from lifecourse.features.parts import read_features, write_features
from lifecourse.features.recipe import Recipe, load_recipe

__all__ = [
    "FeatureMatrix",
    "Recipe",
    "featurize",
    "load_recipe",
    "read_features",
    "vocabularies",
    "write_features",
]
