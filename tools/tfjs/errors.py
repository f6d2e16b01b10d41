"""The one error of the converter."""


class ConversionError(Exception):
    """A TensorFlow.js package cannot be converted; the message says which part and why.

    It is about the source package or the recipe, never about a picture.
    """
