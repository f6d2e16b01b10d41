"""U-Net (Ronneberger, Fischer, Brox 2015), narrow, padded and with batch norm."""

from itertools import pairwise

import torch
from torch import Tensor, nn

WIDTHS = (16, 32, 64, 128, 256)  # channels from the top of the U to its bottom
CLASSES = 3


class UNet(nn.Module):
    """RGB pixels of 0..1 to the logits of three classes, at the size of the input.

    Input (N, 3, H, W), output (N, 3, H, W); H and W are multiples of 16.
    """

    def __init__(self) -> None:
        super().__init__()
        steps = list(pairwise(WIDTHS))
        self.contracting = nn.ModuleList(_block(n, m) for n, m in pairwise((3, *WIDTHS)))
        self.up = nn.ModuleList(nn.ConvTranspose2d(m, n, 2, stride=2) for n, m in steps)
        self.expanding = nn.ModuleList(_block(2 * n, n) for n, _ in steps)
        self.head = nn.Conv2d(WIDTHS[0], CLASSES, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits of background, nucleus and border."""
        # Photons are Poisson: the square root makes the noise even and lifts the dark pictures.
        maps = pixels.clamp(min=0).sqrt()
        copied = []
        for depth, block in enumerate(self.contracting):
            maps = block(maps if depth == 0 else nn.functional.max_pool2d(maps, 2))
            copied.append(maps)
        copied.pop()
        for up, block in zip(reversed(self.up), reversed(self.expanding), strict=True):
            maps = block(torch.cat((copied.pop(), up(maps)), dim=1))
        return self.head(maps)


def _block(channels_in: int, channels_out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (channels_in, channels_out):
        layers += [
            nn.Conv2d(channels, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)
