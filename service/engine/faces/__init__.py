"""Faces, through three networks: found, measured and encoded."""

from service.engine.faces.models import FaceModels, check_calibrations, preprocessing_digest
from service.engine.faces.pipeline import FacePipeline
from service.engine.faces.result import Face, FaceRequest, Faces, Pick

__all__ = [
    "Face",
    "FaceModels",
    "FacePipeline",
    "FaceRequest",
    "Faces",
    "Pick",
    "check_calibrations",
    "preprocessing_digest",
]
