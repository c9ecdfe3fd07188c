"""A trained translator as the text that a page loads: matrices rounded to eight bits, and all words.

Each row of a matrix has a scale of its own, its largest number over 127, and is stored as whole numbers from −127 to
127. Vectors (biases, norms) stay as they are. ``model.js`` reads the same text and multiplies the same numbers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from attn_utils.data.pairs import Pair
from attn_utils.transformer import Transformer

__all__ = ["FILE", "NAME", "Packed", "pack", "read", "stored", "unpack", "write"]

NAME = "translator"
FILE = Path(__file__).resolve().parents[3] / "assets" / "demos" / f"{NAME}.js"
"""In the repository; an installed library comes without it."""

START, END = f'demoAsset("{NAME}", ', ");\n"


@dataclass(frozen=True)
class Packed:
    """What the text holds.

    Attributes:
        model: The translator, its matrices rounded, in evaluation mode.
        source_words: The symbol or word of every number that it reads.
        target_words: The symbol or word of every number that it writes.
        finite: Source words that are a verb with tense: a sentence has one of them.
        pairs: Sentences that it has not seen, with reference and gold links.
    """

    model: Transformer
    source_words: tuple[str, ...]
    target_words: tuple[str, ...]
    finite: frozenset[str]
    pairs: tuple[Pair, ...]


def round_rows(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of a matrix as whole numbers, int8, and the scale of each, float32."""
    scales = matrix.abs().amax(dim=1) / 127
    scales = torch.where(scales == 0, torch.ones_like(scales), scales)  # a row of zeros, as that of the padding
    return (matrix / scales[:, None]).round().to(torch.int8), scales


def _text(numbers: Sequence[Tensor]) -> str:
    return base64.b64encode(torch.cat([x.flatten() for x in numbers]).numpy().tobytes()).decode()


def pack(
    model: Transformer,
    source_words: Sequence[str],
    target_words: Sequence[str],
    finite: Sequence[str],
    pairs: Sequence[Pair],
) -> dict[str, Any]:
    """Give the content of the asset."""
    shapes, whole, floats = [], [], []
    for name, parameter in model.state_dict().items():
        shapes.append([name, *parameter.shape])
        if parameter.ndim == 2:
            numbers, scales = round_rows(parameter)
            whole.append(numbers)
            floats.append(scales)
        else:
            floats.append(parameter)
    layer = model.encoder.layers[0]
    return {
        "d": model.source_embedding.embedding_dim,
        "heads": layer.self_attention.num_heads,
        "layers": len(model.encoder.layers),
        "hidden": layer.feed_forward.W_1.out_features,
        "shapes": shapes,
        "whole": _text(whole),
        "floats": _text(floats),
        "source": list(source_words),
        "target": list(target_words),
        "finite": sorted(finite),
        "sentences": [
            {
                "source": " ".join(pair.source),
                "target": " ".join(pair.target),
                "sure": sorted(pair.sure),
                "possible": sorted(pair.possible),
            }
            for pair in pairs
        ],
    }


def unpack(content: dict[str, Any]) -> Packed:
    """Make the translator that the content describes."""
    whole = torch.frombuffer(bytearray(base64.b64decode(content["whole"])), dtype=torch.int8).float()
    floats = torch.frombuffer(bytearray(base64.b64decode(content["floats"])), dtype=torch.float32)
    state, i, j = {}, 0, 0
    for name, rows, *columns in content["shapes"]:
        row, j = floats[j : j + rows], j + rows
        state[name] = row
        if columns:
            size = rows * columns[0]
            state[name] = whole[i : i + size].view(rows, -1) * row[:, None]
            i += size
    source, target = content["source"], content["target"]
    with torch.random.fork_rng(devices=[]):  # what is drawn here is overwritten, and nobody else's luck changes
        model = Transformer(
            len(source), len(target), content["d"], content["heads"], content["layers"], content["hidden"]
        )
    model.load_state_dict(state)
    pairs = (
        Pair(
            tuple(sentence["source"].split()),
            tuple(sentence["target"].split()),
            frozenset((i, j) for i, j in sentence["sure"]),
            frozenset((i, j) for i, j in sentence["possible"]),
        )
        for sentence in content["sentences"]
    )
    return Packed(model.eval(), tuple(source), tuple(target), frozenset(content["finite"]), tuple(pairs))


def write(content: dict[str, Any], path: Path = FILE) -> None:
    """Write the asset as the script that a page loads."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(START + json.dumps(content, ensure_ascii=False) + END, encoding="utf-8")


def read(path: Path = FILE) -> dict[str, Any]:
    """Read the content of the asset.

    Raises:
        ValueError: If it is not there.
    """
    if not path.is_file():
        raise ValueError(
            f"the translator is not part of the installed library: it is the file assets/demos/{path.name} of the "
            "course's repository, and works on the course's page and in a clone"
        )
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8").removeprefix(START).removesuffix(END))
    return content


@cache
def stored(path: Path = FILE) -> Packed:
    """Give the translator of the asset, made once. Nobody may change it."""
    return unpack(read(path))
