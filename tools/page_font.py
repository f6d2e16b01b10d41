"""Write the demo page's font: `python -m tools.page_font`, with `requirements/export.txt`.

Inter, cut down to the letters and weights that the page uses: a third of the file. Letters that
are missing, in the labels of somebody's model, come from the system's own font.
"""

import io
import tarfile
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

from tools.sources import npm_tarball

WEB = Path(__file__).resolve().parents[1] / "service" / "web"
PACKAGE = ("@fontsource-variable/inter", "5.3.0")
PACKAGE_SHA256 = "d26710dd38e7217484a1d47ee76c024977ec550548876f26d06ed1844af09a14"
FONT, LICENSE = "package/files/inter-latin-wght-normal.woff2", "package/LICENSE"
WEIGHTS = (400, 700)
PUNCTUATION = (0xA0, 0xB0, 0xB7, 0xD7, 0x2013, 0x2014, *range(0x2018, 0x201E), 0x2026, 0x2192)
LETTERS = [*range(0x20, 0x7F), *range(0xE0, 0x100), *PUNCTUATION]
FEATURES = ["kern", "ccmp", "mark", "tnum"]


def main() -> None:
    """Write the font, and its licence beside it."""
    with tarfile.open(npm_tarball(*PACKAGE, PACKAGE_SHA256)) as archive:
        files = {name: archive.extractfile(name) for name in (FONT, LICENSE)}
        font, licence = (file.read() for file in files.values() if file is not None)
    inter = TTFont(io.BytesIO(font))
    cutter = subset.Subsetter(subset.Options(layout_features=FEATURES))
    cutter.populate(unicodes=LETTERS)
    cutter.subset(inter)
    path = WEB / "inter.woff2"
    instantiateVariableFont(inter, {"wght": WEIGHTS}).save(path)
    (WEB / "inter.LICENSE.txt").write_bytes(licence)
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
