"""Transformer explorer: what every head looks at while a sentence is read and another is written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import torch
import traitlets
from torch import Tensor

from attn_utils.data.vocabulary import START, Vocabulary
from attn_utils.decoding import greedy
from attn_utils.modes import evaluating
from attn_utils.widgets.frame.demo import Demo, front_end, style, tensor_result
from attn_utils.widgets.transformer_explorer import by_hand
from attn_utils.widgets.transformer_explorer.run import DIGITS, KINDS, TransformerRun

if TYPE_CHECKING:
    from attn_utils.data.pairs import Pair
    from attn_utils.transformer import Transformer

__all__ = ["TransformerExplorer"]

MEANS = ("mean", "all")
# CSS pixels, as in view.css: a row of the map, also where there are more rows than DENSE; a row of the table; the room
# above the map for each letter of the longest word, up to LETTERS; a line of words.
ROW, DENSE_ROW, DENSE, TABLE_ROW, LETTER, LETTERS, LINE = 25.6, 20.8, 12, 27.2, 9.6, 10, 20
LINE_LETTERS = 32  # at least, in the narrowest box
HEADS, NARROW_TILES, TILES = 4, 90, 165  # small maps side by side; how high a row of them is
STACKED = 4  # of the boxes that `Demo.heights` is given for: the table stands below the map

Record = dict[str, Any]


class Runs(traitlets.TraitType):
    """A trait that holds at least one :class:`TransformerRun`, all of one model."""

    info_text = "a list of at least one TransformerRun, all with as many layers and heads"

    def validate(self, obj: Any, value: Any) -> list[TransformerRun]:
        """Turn the value into a list, or say what is wanted."""
        if not isinstance(value, list | tuple) or not value or not all(isinstance(x, TransformerRun) for x in value):
            self.error(obj, value)
        if len({run.shape for run in value}) > 1:
            self.error(obj, value)
        return list(value)


def _to_page(runs: list[TransformerRun], _widget: object) -> list[Record]:
    """Write the weights of each head as one text of thousandths, row by row, without what a decoder cannot see."""

    def text(kind: str, rows: Sequence[Sequence[float]]) -> str:
        seen = (row[: i + 1] if kind == "decoder" else row for i, row in enumerate(rows))
        return " ".join(str(round(weight * 10**DIGITS)) for row in seen for weight in row)

    return [
        asdict(run) | {kind: [[text(kind, head) for head in layer] for layer in getattr(run, kind)] for kind in KINDS}
        for run in runs
    ]


class TransformerExplorer(Demo):
    r"""Follow a Transformer through a sentence: what each head of each layer looks at, in each kind of attention.

    The maps of all heads of a layer stand side by side, one of them enlarged. In the decoder and in cross-attention a
    row belongs to the word that is *written* at a step; rows of later steps are not shown yet. Without data the demo
    shows two sentences with heads made by hand. :meth:`of` shows what a trained model does.

    Inputs:
        sentence: Which sentence, from 0.
        kind: ``"encoder"`` and ``"decoder"`` for their self-attention, or ``"cross"``.
        layer: Which layer, from 0.
        head: Which head, from 0; ``"mean"`` for the mean of the layer's heads; ``"all"`` for the mean of all heads of
            all layers in cross-attention, elsewhere taken as ``"mean"``.
        step: Which row, from 0: the word being written, in the encoder the word that asks. One after the last is taken
            as the last.
        gold: Whether the gold links are shown, in cross-attention.

    Data:
        sentences: At least one :class:`TransformerRun`, all with ``n`` layers of ``h`` heads.

    Results, of the kind and layer shown, with ``q`` rows and ``k`` columns:
        head_weights: Shape ``(h, q, k)``, each head of the layer.
        weights: Shape ``(q, k)``, the head or mean chosen, rows of later steps too.
        row: Shape ``(k,)``, its row of this step.

    Raises:
        traitlets.TraitError: If an input is out of its range or a sentence is not a :class:`TransformerRun`.

    Source:
        Vaswani et al. (2017), section 3.2.3, for the three kinds, and figures 3 to 5.
    """

    _esm = front_end(__file__)
    _css = style(__file__)
    title = "Transformer explorer"
    heights = (1486, 1329, 1261, 1186, 935, 860, 858)
    inputs = ("sentence", "kind", "layer", "head", "step", "gold")
    data = ("sentences",)

    description = traitlets.Unicode(
        "A large map of violet cells, the darker the larger the weight. Each row belongs to the word being written at "
        "a step, in the encoder to a word that asks; each column to a word that is looked at. The row of this step has "
        "a blue frame, rows of later steps are still empty. Dark frames are gold links. Above it small maps of all "
        "heads of the layer, beside it the weights of the row as bars beside the words."
    ).tag(sync=True)
    sentence = traitlets.Int(0, min=0, help="Which sentence.").tag(sync=True)
    kind = traitlets.Enum(KINDS, "cross", help="Which kind of attention.").tag(sync=True)
    layer = traitlets.Int(0, min=0, help="Which layer.").tag(sync=True)
    head = traitlets.Union(
        [traitlets.Int(min=0), traitlets.Enum(MEANS)], default_value=0, help="Which head, or which mean."
    ).tag(sync=True)
    step = traitlets.Int(0, min=0, help="Which row: the word being written, or the word that asks.").tag(sync=True)
    gold = traitlets.Bool(True, help="Show the gold links.").tag(sync=True)
    sentences = Runs(help="Sentences with their weights.").tag(sync=True, to_json=_to_page)
    head_weights = tensor_result("Weights of each head of the layer, shape (h, q, k).")
    weights = tensor_result("Weights of the head or mean chosen, shape (q, k).")
    row = tensor_result("Weights of the row of this step, shape (k,).")

    def __init__(self, **inputs: Any) -> None:
        start = {"sentences": by_hand.RUNS, "step": 4} if "sentences" not in inputs else {}
        super().__init__(**start | inputs)

    @classmethod
    def of(
        cls,
        model: Transformer,
        pairs: Sequence[Pair],
        names: Sequence[str],
        source_words: Vocabulary,
        target_words: Vocabulary,
        *,
        max_length: int = 40,
        **inputs: Any,
    ) -> TransformerExplorer:
        """Let a model translate and show what its heads looked at.

        The model writes what :func:`attn_utils.decoding.greedy` gives, and its weights are those with which it reads
        source and written words. Gold links belong to the reference: they are shown where the model wrote it. All
        weights are rounded to three digits.

        Args:
            model: A :class:`~attn_utils.transformer.Transformer` with encoder and decoder. It is in evaluation mode
                while it works.
            pairs: Sentences to translate, with reference and gold links.
            names: For each pair a name for the menu.
            source_words: The numbers of source words, those that the model reads.
            target_words: The numbers of target words, those that the model writes.
            max_length: At how many words a translation without an end is cut off.
            inputs: Inputs to start with.

        Returns:
            The demo.

        Raises:
            ValueError: If the model has no encoder and decoder, there is not one name for each pair, a vocabulary has
                not as many words as the model, or ``max_length`` is not a positive integer.
        """
        if len(pairs) != len(names):
            raise ValueError(f"names must have one entry for each of pairs, {len(pairs)} in all, got {len(names)}")
        embeddings = [getattr(model, f"{side}_embedding", None) for side in ("source", "target")]
        if None in embeddings:
            raise ValueError(f"model must be a Transformer with encoder and decoder, got {type(model).__name__}")
        for name, does, words, embedding in zip(
            ("source_words", "target_words"), ("reads", "writes"), (source_words, target_words), embeddings, strict=True
        ):
            wanted = embedding.num_embeddings  # type: ignore[union-attr]
            if len(words) != wanted:
                raise ValueError(f"{name} must have as many words as the model {does}, {wanted}, got {len(words)}")
        runs = [
            _run(model, pair, name, source_words, target_words, max_length)
            for pair, name in zip(pairs, names, strict=True)
        ]
        return cls(sentences=runs, **inputs)

    @traitlets.validate("sentence", "layer", "head")
    def _there_is_such_a_one(self, proposal: Any) -> Any:
        name, value, most = proposal.trait.name, proposal.value, self._counts()[proposal.trait.name]
        if isinstance(value, int) and value >= most:
            raise traitlets.TraitError(f"{name} must be from 0 to {most - 1}: there are {most}, got {value}")
        return value

    def _counts(self) -> dict[str, int]:
        layers, heads = self.sentences[0].shape
        return {"sentence": len(self.sentences), "layer": layers, "head": heads}

    def reserve(self) -> tuple[int, ...]:
        """Give the heights for the sentence shown at the start; usual are six rows, six letters, two lines."""
        shown = self.sentences[self.sentence]
        rows = max(len(shown.source), len(shown.target))
        letters = min(LETTERS, max(map(len, (*shown.source, *shown.target))))
        table = TABLE_ROW * (rows - 6) + LINE * (_lines(shown.target) - 2)
        if not shown.is_the_reference:
            table += LINE * (_lines(shown.reference) + 1)  # and a line of the sentence says so
        sheet = (DENSE_ROW if rows > DENSE else ROW) * rows - ROW * 6 + LETTER * (letters - 6)
        more = math.ceil(shown.shape[1] / HEADS) - 1
        return tuple(
            height
            + max(0, round(sheet + table if i < STACKED else max(sheet, table)))
            + more * (NARROW_TILES if i < STACKED else TILES)
            for i, height in enumerate(self.heights)
        )

    def compute(self) -> dict[str, Any]:
        """Take the weights shown out of those of the sentence."""
        for name, most in self._counts().items():
            value = getattr(self, name)
            if isinstance(value, int) and value >= most:
                raise ValueError(f"sentences must have more than {value} for {name}, got {most}")
        every = torch.tensor(getattr(self.sentences[self.sentence], self.kind), dtype=torch.float64)  # (n, h, q, k)
        of_layer = every[self.layer]
        if isinstance(self.head, int):
            weights = of_layer[self.head]
        elif self.head == "all" and self.kind == "cross":
            weights = every.flatten(0, 1).mean(dim=0)
        else:
            weights = of_layer.mean(dim=0)
        return {"head_weights": of_layer, "weights": weights, "row": weights[min(self.step, len(weights) - 1)]}


def _lines(words: Sequence[str]) -> int:
    """Return how many lines a sentence fills at most, with what stands before it."""
    return math.ceil((len(" ".join(words)) + 16) / LINE_LETTERS)


@torch.no_grad()
def _run(
    model: Transformer, pair: Pair, name: str, source_words: Vocabulary, target_words: Vocabulary, max_length: int
) -> TransformerRun:
    """Translate one sentence, and read it again with all weights."""
    device = model.source_embedding.weight.device
    source = torch.tensor([source_words.encode(pair.source)], device=device)
    tokens = greedy(model, source, max_length=max_length).tokens  # (1, t), the end included
    read = torch.cat([torch.full_like(tokens[:, :1], START), tokens[:, :-1]], dim=1)
    with evaluating(model):
        _, found = model(source, read, need_weights=True)

    def stacked(kind: str) -> Tensor:
        return torch.stack([found[layer, kind][0] for layer in range(len(model.encoder.layers))])

    target = [target_words.words[number] for number in tokens[0].tolist()]
    run = TransformerRun(
        label=name,
        source=list(pair.source),
        target=target,
        reference=list(pair.target),
        encoder=stacked("encoder"),
        decoder=stacked("self"),
        cross=stacked("cross"),
    )
    if not run.is_the_reference:
        return run
    return replace(run, sure=sorted(pair.sure), possible=sorted(pair.possible))
