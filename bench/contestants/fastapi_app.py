"""The application of `bench.contestants.fastapi`."""

from fastapi import FastAPI, UploadFile

from bench.contestants.by_the_book import Book

app = FastAPI()
classifier, digits, detector = Book("classify"), Book("digit"), Book("detect")


@app.post("/classify")
def classify(image: UploadFile) -> dict[str, object]:
    """Name what a picture shows."""
    return classifier.answer_bytes(image.file.read())


@app.post("/digit")
def digit(image: UploadFile) -> dict[str, object]:
    """Read a digit."""
    return digits.answer_bytes(image.file.read())


@app.post("/detect")
def detect(image: UploadFile) -> dict[str, object]:
    """Say where things are."""
    return detector.answer_bytes(image.file.read())
