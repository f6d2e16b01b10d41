"""Faces, in three networks: where they are, where their parts are, and whose they are."""

from service.tasks.faces.detect import FaceDetect
from service.tasks.faces.embed import FaceEmbed
from service.tasks.faces.landmarks import FaceLandmarks

__all__ = ["FaceDetect", "FaceEmbed", "FaceLandmarks"]
