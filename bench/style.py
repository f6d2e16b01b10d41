"""One step of style transfer by optimisation: Chiasm on onnxruntime against PyTorch.

    pip install numpy pydantic pillow onnx onnxruntime torch
    OMP_NUM_THREADS=1 python -m bench.style

Both have the weights of the model folder, the same pictures (noise), costs and memory of ten
pairs. PyTorch differentiates by itself and minimises with its own L-BFGS, one evaluation a step
and no line search; Chiasm runs its graph, which holds the gradient, and its own L-BFGS.

The two take turns step by step, so that a noisy machine is noisy for both. A figure is the
median over steps, a ratio the median of the ratios of neighbouring steps.
"""

import argparse
import importlib
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from service.arrays import F32
from service.engine.session import Device, OrtSession
from service.engine.style.optimize import FIRST_MOVE, PIXEL_RANGE
from service.tasks.style.lbfgs import Evaluate, Lbfgs, Sample, State
from service.tasks.style.optimize import Objective, Targets, Weights

MODEL = Path(__file__).parents[1] / "models" / "gatys-vgg16" / "model.onnx"
WEIGHTS = Weights(1.0, 50.0, 0.01)
# VGG-16's layers as far as conv5_1, by block; which of them are compared.
BLOCKS = ((1, 2), (1, 2), (1, 2, 3), (1, 2, 3), (1,))
CONTENT, STYLE = "conv4_2", ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
# Of ImageNet, RGB; Simonyan and Zisserman, arXiv:1409.1556, section 2.1.
MEAN = (122.67892, 116.66877, 104.00699)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one call took, in seconds."""

    wall: float
    cpu: float


def timed(call: Callable[[], object]) -> Spent:
    """Call once and return what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def convolutions(model: Path) -> Iterator[tuple[F32, F32]]:
    """Yield kernel (out, in, 3, 3) and bias (out,) of each layer of a graph, first layer first."""
    onnx = importlib.import_module("onnx")
    graph = onnx.load(model).graph
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    cast = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast"}
    for node in graph.node:
        if node.op_type == "Conv" and len(node.input) == 3:  # those of the gradient have no bias
            kernel, bias = (stored[cast.get(name, name)] for name in node.input[1:])
            yield kernel.astype(np.float32), bias.astype(np.float32)


class Peer:
    """The same costs in PyTorch."""

    def __init__(self, model: Path, threads: int) -> None:
        """Take the weights from the graph."""
        self.torch: Any = importlib.import_module("torch")
        self.torch.set_num_threads(threads)
        names = [f"conv{block}_{one}" for block, ones in enumerate(BLOCKS, 1) for one in ones]
        layers = zip(names, convolutions(model), strict=True)
        self._layers = {
            name: tuple(self.torch.from_numpy(array.copy()) for array in arrays)
            for name, arrays in layers
        }
        self._mean = self.torch.tensor(MEAN).view(1, 3, 1, 1)

    def features(self, pixels: Any) -> dict[str, Any]:
        """Return every layer's activations for (1, 3, H, W)."""
        functional = self.torch.nn.functional
        found, x = {}, pixels - self._mean
        for name, (kernel, bias) in self._layers.items():
            if name.endswith("_1") and name != "conv1_1":
                x = functional.avg_pool2d(x, 2)
            x = found[name] = functional.relu(functional.conv2d(x, kernel, bias, padding=1))
        return found

    def cost(self, pixels: Any, targets: Targets) -> Any:
        """Return J of (1, 3, H, W) as a tensor that can be differentiated."""
        found = self.features(pixels)
        content = relative_error(found[CONTENT], self.torch.from_numpy(targets.content))
        style = 0.0
        for layer, gram in zip(STYLE, targets.grams, strict=True):
            rows = found[layer][0].flatten(1)
            style += relative_error(rows @ rows.T / rows.numel(), self.torch.from_numpy(gram))
        unit = pixels / 255
        smooth = sum(unit.diff(dim=axis).square().mean() for axis in (2, 3)) / 2
        return WEIGHTS.content * content + WEIGHTS.style * style / 5 + WEIGHTS.tv * smooth

    def evaluate(self, position: F32, objective: Objective) -> Sample:
        """Return J and its gradient."""
        pixels = self.torch.from_numpy(position.reshape(1, 3, *objective.size)).clone()
        cost = self.cost(pixels.requires_grad_(), objective.targets)
        cost.backward()
        return Sample(cost=cost.item(), gradient=pixels.grad.numpy().ravel())

    def stepper(self, start: F32, objective: Objective) -> Callable[[], object]:
        """Return what makes one step of L-BFGS from wherever the last one ended."""
        pixels = self.torch.from_numpy(start.reshape(1, 3, *objective.size)).clone()
        optimizer = self.torch.optim.LBFGS(
            [pixels.requires_grad_()],
            max_iter=1,
            history_size=10,
            tolerance_grad=0,
            tolerance_change=0,
        )

        def evaluate() -> Any:
            optimizer.zero_grad()
            cost = self.cost(pixels, objective.targets)
            cost.backward()
            return cost

        return lambda: optimizer.step(evaluate)


def relative_error(values: Any, target: Any) -> Any:
    """Return the mean square of the difference, divided by that of the target."""
    return (values - target).square().mean() / target.square().mean()


def scene(session: OrtSession, size: tuple[int, int]) -> tuple[Objective, F32]:
    """Return J with the targets of noise, and other noise to start from."""
    position, content, style = (
        np.random.default_rng(seed).uniform(0, 255, 3 * size[0] * size[1]).astype(np.float32)
        for seed in range(3)
    )
    describing = Objective.describing(size)
    described = [session.run(describing.feeds(picture)) for picture in (content, style)]
    targets = Targets.between(*described)
    return Objective(size=size, weights=WEIGHTS, targets=targets), position


def steps(evaluate: Evaluate, start: F32, costs: list[float]) -> Iterator[State]:
    """Make a step of L-BFGS each time it is asked to; `costs` gets one of every evaluation."""

    def counted(position: F32) -> Sample:
        sample = evaluate(position)
        costs.append(sample.cost)
        return sample

    optimizer = Lbfgs(first_move=FIRST_MOVE, bounds=PIXEL_RANGE)
    state = State(position=start, sample=evaluate(start))
    while (following := optimizer.advance(state, counted)) is not None:
        state = following
        yield state


def race(calls: dict[str, Callable[[], object]], rounds: int) -> list[dict[str, Spent]]:
    """Let each call come once a round; the first round warms up and does not count."""
    spent = [{name: timed(call) for name, call in calls.items()} for _ in range(rounds + 1)]
    return spent[1:]


def row(what: str, spent: list[dict[str, Spent]]) -> str:
    """Return a line of the table: milliseconds of both, and Chiasm's share of PyTorch's."""
    cells = [what]
    for kind in ("wall", "cpu"):
        times = [[getattr(one, kind) for one in each.values()] for each in spent]
        cells += [f"{statistics.median(column) * 1e3:,.0f}" for column in zip(*times, strict=True)]
        cells.append(f"{statistics.median(ours / theirs for ours, theirs in times):.2f}")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the comparison as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--size", type=int, default=256, help="both sides, a multiple of 16")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    session = OrtSession(arguments.model, device=Device.CPU, threads=arguments.threads)
    size = (arguments.size, arguments.size)
    objective, start = scene(session, size)
    peer = Peer(arguments.model, arguments.threads)

    def evaluate(position: F32) -> Sample:
        return objective.sample(session.run(objective.feeds(position)))

    ours, theirs = evaluate(start), peer.evaluate(start, objective)
    off = np.linalg.norm(ours.gradient - theirs.gradient) / np.linalg.norm(theirs.gradient)
    print(f"{size[0]} x {size[1]}, {arguments.threads} thread(s); J = {ours.cost:.6g}, PyTorch:")
    print(f"{theirs.cost:.6g}; the gradients differ by {off:.1e} of their length.\n")
    print("| | Chiasm, ms | PyTorch, ms | ratio | CPU: Chiasm, ms | PyTorch, ms | ratio |")
    print("|---" * 7 + "|")
    alone = {
        "Chiasm": lambda: evaluate(start),
        "PyTorch": lambda: peer.evaluate(start, objective),
    }
    print(row("costs and gradient", race(alone, arguments.rounds)), flush=True)
    asked: list[float] = []
    stepping = {
        "Chiasm": partial(next, steps(evaluate, start, asked)),
        "PyTorch": peer.stepper(start, objective),
    }
    print(row("a step of L-BFGS", race(stepping, arguments.rounds)))
    print(f"\nChiasm evaluated J {len(asked) / (arguments.rounds + 1):.2f} times a step.")


if __name__ == "__main__":
    main()
