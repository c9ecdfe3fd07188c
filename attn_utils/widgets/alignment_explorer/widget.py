"""Alignment explorer: a translation step by step, with the words that each step looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch
import traitlets
from torch import Tensor

from attn_utils.attention import masked_softmax
from attn_utils.data.vocabulary import Vocabulary
from attn_utils.decoding import most_probable, steps
from attn_utils.scoring import AdditiveScore
from attn_utils.widgets.alignment_explorer import by_hand
from attn_utils.widgets.alignment_explorer.translation import Translation, compare
from attn_utils.widgets.frame.demo import Demo, Numbers, front_end, style, tensor_result

if TYPE_CHECKING:
    from attn_utils.data.pairs import Pair
    from attn_utils.recurrent import Seq2Seq

__all__ = ["AlignmentExplorer"]

DIGITS = 5  # significant ones of every number that comes from a model: the page carries them all
NUM_CANDIDATES = 5
# CSS pixels, as in view.css: a row of words, where there are more words than DENSE, and a row of candidates.
ROW, DENSE_ROW, DENSE, CANDIDATE_ROW = 32.0, 26.4, 12, 26

Record = dict[str, Any]


class Translations(traitlets.TraitType):
    """A trait that holds at least one :class:`Translation`."""

    info_text = "a list of at least one Translation"

    def validate(self, obj: Any, value: Any) -> list[Translation]:
        """Turn the value into a list, or say what is wanted."""
        if not isinstance(value, list | tuple) or not value or not all(isinstance(one, Translation) for one in value):
            self.error(obj, value)
        return list(value)


def _to_page(translations: list[Translation], _widget: object) -> list[Record]:
    """Write each vector as one text: a notebook gives every number of a list a line of its own."""
    return [
        asdict(one)
        | {name: [" ".join(map(str, row)) for row in getattr(one, name)] for name in ("queries", "keys")}
        | {"differences": one.differences}
        for one in translations
    ]


class AlignmentExplorer(Demo):
    r"""Step through a translation and see what each step compares, where it looks and what it may write.

    The score of source word :math:`i` is :math:`a_i = v \cdot \tanh(q + k_i)`, with the query projected,
    :math:`q = W_q s`, and the key prepared, :math:`k_i = W_k h_i`. The weights are the softmax of the scores. Without
    data the demo shows two sentences made by hand. :meth:`of` shows what a trained model does.

    Inputs:
        sentence: Which sentence, from 0.
        step: Which word is being written, from 0. A step after the end of a sentence is taken as its last.
        gold: Whether the gold links are shown.

    Data:
        v: Shape ``(a,)``, with ``a`` hidden units.
        sentences: At least one :class:`Translation`, whose queries and keys have ``a`` columns.

    Results, of the sentence and step shown, with ``s`` source words and ``t`` written ones:
        scores: Shape ``(s,)``.
        weights: Shape ``(s,)``.
        all_weights: Shape ``(t, s)``, of all steps.

    Raises:
        traitlets.TraitError: If an input is out of its range or a sentence is not a :class:`Translation`.
        ValueError: If queries or keys have not one number for each of ``v``.
    """

    _esm = front_end(__file__)
    _css = style(__file__)
    title = "Alignment explorer"
    heights = (1143, 1002, 978, 846, 846, 686, 625)
    inputs = ("sentence", "step", "gold")
    data = ("sentences", "v")

    description = traitlets.Unicode(
        "Source words down the left side, the words of the translation down the right side. Violet threads run from "
        "the word being written to the source words it looks at, the thicker the larger the weight; fainter threads "
        "belong to the words before it. Dashed lines are gold links. Beside each source word stand its score and its "
        "weight. A strip of blue bars is the query; a table lists the most probable next words."
    ).tag(sync=True)
    sentence = traitlets.Int(0, min=0, help="Which sentence.").tag(sync=True)
    step = traitlets.Int(0, min=0, help="Which word is being written.").tag(sync=True)
    gold = traitlets.Bool(True, help="Show the gold links.").tag(sync=True)
    sentences = Translations(help="Translated sentences.").tag(sync=True, to_json=_to_page)
    v = Numbers((None,), help="The vector of the additive score.").tag(sync=True)
    scores = tensor_result("Scores of the step shown, shape (s,).")
    weights = tensor_result("Weights of the step shown, shape (s,).")
    all_weights = tensor_result("Weights of all steps, shape (t, s).")

    def __init__(self, **inputs: Any) -> None:
        super().__init__(**{"sentences": by_hand.SENTENCES, "v": by_hand.V} | inputs)

    @classmethod
    def of(
        cls,
        model: Seq2Seq,
        pairs: Sequence[Pair],
        labels: Sequence[str],
        source_vocabulary: Vocabulary,
        target_vocabulary: Vocabulary,
        *,
        max_length: int = 40,
        **inputs: Any,
    ) -> AlignmentExplorer:
        """Let a model translate and show how it did it.

        The model writes what :func:`attn_utils.decoding.greedy` gives. Gold links belong to the reference: a written
        word that is not the reference's (after matching equal stretches) carries none. All numbers are rounded to
        five significant digits.

        Args:
            model: With a decoder whose attention has an :class:`~attn_utils.scoring.AdditiveScore`. It is in evaluation
                mode while it works.
            pairs: Sentences to translate, with reference and gold links.
            labels: For each pair a name for the menu.
            source_vocabulary: The numbers of source words, those that the model reads.
            target_vocabulary: The numbers of target words, those that the model writes.
            max_length: At how many words a translation without an end is cut off.
            inputs: Inputs to start with.

        Returns:
            The demo.

        Raises:
            ValueError: If the score is not additive, if there is not one label for each pair, if a vocabulary has not
                as many words as the model, or if ``max_length`` is not a positive integer.
        """
        if len(pairs) != len(labels):
            raise ValueError(f"labels must have one entry for each of pairs, {len(pairs)} in all, got {len(labels)}")
        score = _additive_score(model)
        reads, writes = model.encoder.embedding.num_embeddings, model.decoder.embedding.num_embeddings
        if len(source_vocabulary) != reads:
            raise ValueError(
                f"source_vocabulary must have as many words as the model reads, {reads}, got {len(source_vocabulary)}"
            )
        if len(target_vocabulary) != writes:
            raise ValueError(
                f"target_vocabulary must have as many words as the model writes, {writes}, got {len(target_vocabulary)}"
            )
        translations = [
            _translate(model, score, source_vocabulary.encode(pair.source), target_vocabulary, max_length)
            for pair in pairs
        ]
        sentences = [
            _with_gold(pair, label, translation)
            for pair, label, translation in zip(pairs, labels, translations, strict=True)
        ]
        return cls(sentences=sentences, v=_rounded(score.v), **inputs)

    @traitlets.validate("sentence")
    def _there_is_such_a_sentence(self, proposal: Any) -> int:
        if proposal.value >= len(self.sentences):
            wanted = f"from 0 to {len(self.sentences) - 1}: there are {len(self.sentences)} sentences"
            raise traitlets.TraitError(f"sentence must be {wanted}, got {proposal.value}")
        return int(proposal.value)

    def reserve(self) -> tuple[int, ...]:
        """Give the heights for the sentence shown at the start; those of the class have six rows and two candidates."""
        shown = self.sentences[self.sentence]
        words = max(len(shown.source), len(shown.target))
        more = max(0.0, (DENSE_ROW if words > DENSE else ROW) * words - ROW * 6)
        more += CANDIDATE_ROW * max(0, len(shown.candidates[0]) - 2)
        return tuple(round(height + more) for height in self.heights)

    def compute(self) -> dict[str, Any]:
        """Compute scores and weights of all steps of the sentence."""
        v = torch.tensor(self.v, dtype=torch.float64)
        if self.sentence >= len(self.sentences):
            raise ValueError(f"sentences must have more than {self.sentence} entries, as sentence is {self.sentence}")
        shown = self.sentences[self.sentence]
        q, k = (torch.tensor(rows, dtype=torch.float64) for rows in (shown.queries, shown.keys))
        for i, translation in enumerate(self.sentences):
            if len(translation.queries[0]) != len(v):
                raise ValueError(
                    f"sentences[{i}].queries must have one column for each of v, {len(v)} in all, "
                    f"got {len(translation.queries[0])}"
                )
        scores = torch.tanh(q[:, None, :] + k) @ v
        weights = masked_softmax(scores)
        step = min(self.step, len(q) - 1)
        return {"scores": scores[step], "weights": weights[step], "all_weights": weights}


# ------------------------------------------------------------------------------------------------ from a model
def _additive_score(model: Seq2Seq) -> AdditiveScore:
    """Return the score of the model's attention, or say that there is no additive one."""
    attention = getattr(getattr(model, "decoder", None), "attention", None)
    score = getattr(attention, "score", None)
    if not isinstance(score, AdditiveScore):
        got = "a decoder without attention" if attention is None else type(score).__name__
        raise ValueError(f"model must have a decoder whose attention has an AdditiveScore, got {got}")
    return score


def _translate(
    model: Seq2Seq, score: AdditiveScore, numbers: list[int], vocabulary: Vocabulary, max_length: int
) -> Record:
    """Translate one sentence greedily and keep what each step compared and what it could have written."""
    source = torch.tensor([numbers], device=score.v.device)
    states: list[Tensor] = []
    written: list[str] = []
    candidates: list[list[tuple[str, float]]] = []
    for step in steps(model, source, most_probable, max_length=max_length):
        asked_by = step.before if model.decoder.order == "look first" else step.after
        states.append(asked_by["hidden"][0])  # (1, hidden)
        probabilities = step.log_probs[0, 0].exp()
        best = probabilities.topk(min(NUM_CANDIDATES, len(probabilities)))
        words = [vocabulary.words[number] for number in best.indices.tolist()]
        written.append(vocabulary.words[int(step.tokens)])
        candidates.append(list(zip(words, _rounded(best.values), strict=True)))
    queries = score.W_q(torch.cat(states))
    return {
        "target": written, "candidates": candidates, "queries": _rounded(queries),
        "keys": _rounded(step.memory["keys"][0]),
    }  # fmt: skip


def _with_gold(pair: Pair, label: str, translation: Record) -> Translation:
    """Join what the model wrote with what it should have written; links move with the words that agree."""
    blocks = compare(pair.target, translation["target"]).get_matching_blocks()
    moved = {block.a + i: block.b + i for block in blocks for i in range(block.size)}
    sure, possible = (sorted((j, moved[i]) for j, i in links if i in moved) for links in (pair.sure, pair.possible))
    return Translation(
        label=label, source=list(pair.source), reference=list(pair.target), sure=sure, possible=possible, **translation
    )


def _rounded(numbers: Tensor) -> list[Any]:
    if numbers.ndim > 1:
        return [_rounded(row) for row in numbers]
    return [float(f"{number:.{DIGITS}g}") for number in numbers.tolist()]
