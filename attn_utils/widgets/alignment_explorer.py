"""Alignment explorer: a translation step by step, with the words that each step looks at."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

import torch
import traitlets
from torch import Tensor

from attn_utils.attention import masked_softmax
from attn_utils.data.vocabulary import Vocabulary
from attn_utils.decoding import most_probable, steps
from attn_utils.scoring import AdditiveScore
from attn_utils.widgets.demo import Demo, Numbers, front_end, style, tensor_result

if TYPE_CHECKING:
    from attn_utils.data.pairs import Pair
    from attn_utils.recurrent import Seq2Seq

__all__ = ["AlignmentExplorer"]

END_WORD = "</s>"
DIGITS = 5  # significant ones of every number that comes from a model: the page carries them all
NUM_CANDIDATES = 5

Record = dict[str, Any]


class Sentences(traitlets.TraitType):
    """A trait that holds translated sentences as :class:`AlignmentExplorer` describes them.

    A sentence also gets ``differences``: for each stretch where the translation departs from the reference, its first
    word, the word after its last, and the words that the reference has there instead.
    """

    info_text = "a list of at least one sentence"

    def validate(self, obj: Any, value: Any) -> list[Record]:
        """Turn the sentences into plain lists, or say what is wrong with which one."""
        if not isinstance(value, list | tuple) or not value:
            self.error(obj, value)
        return [_check_record(f"sentences[{i}]", record) for i, record in enumerate(value)]


def _with_short_rows(sentences: list[Record], _widget: object) -> list[Record]:
    """Write each vector as one text: a notebook gives every number of a list a line of its own."""
    rows = {name: lambda matrix: [" ".join(map(str, row)) for row in matrix] for name in ("queries", "keys")}
    return [record | {name: short(record[name]) for name, short in rows.items()} for record in sentences]


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
        sentences: At least one dict for a sentence with ``s`` source words and ``t`` written words:
            ``label``, its name in the menu; ``source``, ``target`` and ``reference``, lists of words, the target as
            the model wrote it, with its end symbol ``"</s>"``; ``sure`` and ``possible``, gold links as pairs (source
            index, target index), the possible ones with the sure ones among them; ``queries``, projected, shape
            ``(t, a)``; ``keys``, prepared, shape ``(s, a)``; ``candidates``, for each step a list of
            (word, probability).

    Results, of the sentence and step shown:
        scores: Shape ``(s,)``.
        weights: Shape ``(s,)``.
        all_weights: Shape ``(t, s)``, of all steps.

    Raises:
        traitlets.TraitError: If an input is out of its range or a sentence is not as described.
        ValueError: If queries or keys have not one number for each of ``v``.
    """

    _esm = front_end("alignment_explorer")
    _css = style("alignment_explorer")
    title = "Alignment explorer"
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
    sentences = Sentences(help="Translated sentences.").tag(sync=True, to_json=_with_short_rows)
    v = Numbers((None,), help="The vector of the additive score.").tag(sync=True)
    scores = tensor_result("Scores of the step shown, shape (s,).")
    weights = tensor_result("Weights of the step shown, shape (s,).")
    all_weights = tensor_result("Weights of all steps, shape (t, s).")

    def __init__(self, **inputs: Any) -> None:
        super().__init__(**{"sentences": _by_hand(), "v": BY_HAND_V} | inputs)

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
        records = [
            _record(pair, label, translation)
            for pair, label, translation in zip(pairs, labels, translations, strict=True)
        ]
        return cls(sentences=records, v=_rounded(score.v), **inputs)

    @traitlets.validate("sentence")
    def _there_is_such_a_sentence(self, proposal: Any) -> int:
        if proposal.value >= len(self.sentences):
            wanted = f"from 0 to {len(self.sentences) - 1}: there are {len(self.sentences)} sentences"
            raise traitlets.TraitError(f"sentence must be {wanted}, got {proposal.value}")
        return int(proposal.value)

    def compute(self) -> dict[str, Any]:
        """Compute scores and weights of all steps of the sentence."""
        v = torch.tensor(self.v, dtype=torch.float64)
        if self.sentence >= len(self.sentences):
            raise ValueError(f"sentences must have more than {self.sentence} entries, as sentence is {self.sentence}")
        name, record = f"sentences[{self.sentence}]", self.sentences[self.sentence]
        q, k = (torch.tensor(record[part], dtype=torch.float64) for part in ("queries", "keys"))
        for part, rows in (("queries", q), ("keys", k)):
            if rows.shape[1] != len(v):
                raise ValueError(
                    f"{name}[{part!r}] must have one column for each of v, {len(v)} in all, got {rows.shape[1]}"
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


def _record(pair: Pair, label: str, translation: Record) -> Record:
    """Join what the model wrote with what it should have written; links move with the words that agree."""
    blocks = _compare(pair.target, translation["target"]).get_matching_blocks()
    moved = {block.a + i: block.b + i for block in blocks for i in range(block.size)}
    links = {name: sorted([j, moved[i]] for j, i in getattr(pair, name) if i in moved) for name in ("sure", "possible")}
    return {"label": label, "source": list(pair.source), "reference": list(pair.target)} | links | translation


def _compare(reference: Sequence[str], target: Sequence[str]) -> SequenceMatcher[str]:
    """Match the words of a reference with those of a translation without its end symbol."""
    words = target[:-1] if target[-1] == END_WORD else target
    return SequenceMatcher(None, reference, words, autojunk=False)


def _rounded(numbers: Tensor) -> list[Any]:
    if numbers.ndim > 1:
        return [_rounded(row) for row in numbers]
    return [float(f"{number:.{DIGITS}g}") for number in numbers.tolist()]


# ------------------------------------------------------------------------------------------------ checks
def _check_record(name: str, record: Any) -> Record:
    """Return one sentence in plain lists, or say which part is wrong."""
    if not isinstance(record, dict):
        raise traitlets.TraitError(f"{name} must be a dict, got {type(record).__name__}")
    wanted = ("label", "source", "target", "reference", "sure", "possible", "queries", "keys", "candidates")
    missing = [part for part in wanted if part not in record]
    if missing:
        raise traitlets.TraitError(f"{name} must have {', '.join(wanted)}, lacks {', '.join(missing)}")
    if not isinstance(record["label"], str) or not record["label"]:
        raise traitlets.TraitError(f"{name}['label'] must be a name, got {record['label']!r}")
    words = {part: _check_words(f"{name}[{part!r}]", record[part]) for part in ("source", "target", "reference")}
    s, t = len(words["source"]), len(words["target"])
    return {
        "label": record["label"],
        **words,
        **{part: _check_links(f"{name}[{part!r}]", record[part], s, t) for part in ("sure", "possible")},
        "queries": _check_rows(f"{name}['queries']", record["queries"], t),
        "keys": _check_rows(f"{name}['keys']", record["keys"], s),
        "candidates": _check_candidates(f"{name}['candidates']", record["candidates"], t),
        "differences": [
            [b1, b2, words["reference"][a1:a2]]
            for kind, a1, a2, b1, b2 in _compare(words["reference"], words["target"]).get_opcodes()
            if kind != "equal"
        ],
    }


def _check_words(name: str, words: Any) -> list[str]:
    if not isinstance(words, list | tuple) or not words or not all(isinstance(word, str) for word in words):
        raise traitlets.TraitError(f"{name} must be a list of at least one word, got {words!r}")
    return list(words)


def _check_links(name: str, links: Any, s: int, t: int) -> list[list[int]]:
    try:
        pairs = [[int(j), int(i)] for j, i in links]
    except (TypeError, ValueError):
        raise traitlets.TraitError(f"{name} must hold pairs (source index, target index), got {links!r}") from None
    for j, i in pairs:
        if not (0 <= j < s and 0 <= i < t):
            raise traitlets.TraitError(f"{name} must link {s} source words with {t} target words, got ({j}, {i})")
    return pairs


def _check_rows(name: str, rows: Any, length: int) -> list[list[float]]:
    wanted = f"{name} must hold finite numbers of shape ({length}, any)"
    try:
        numbers = torch.as_tensor(rows, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise traitlets.TraitError(f"{wanted}, got {rows!r}") from None
    if numbers.ndim != 2 or len(numbers) != length or numbers.shape[1] == 0:
        raise traitlets.TraitError(f"{wanted}, got shape {tuple(numbers.shape)}")
    if not torch.isfinite(numbers).all():
        raise traitlets.TraitError(f"{wanted}, got some that are not finite")
    matrix: list[list[float]] = numbers.tolist()
    return matrix


def _check_candidates(name: str, candidates: Any, t: int) -> list[list[list[Any]]]:
    try:
        steps: list[list[list[Any]]] = [[[str(word), float(p)] for word, p in step] for step in candidates]
    except (TypeError, ValueError):
        raise traitlets.TraitError(f"{name} must hold (word, probability) pairs for each step") from None
    if len(steps) != t or not all(steps):
        raise traitlets.TraitError(f"{name} must have words for each of {t} steps, got {len(steps)} steps")
    for word, probability in (candidate for step in steps for candidate in step):
        if not 0 <= probability <= 1:
            raise traitlets.TraitError(f"{name} must have probabilities from 0 to 1, got {probability} for {word!r}")
    return steps


# ------------------------------------------------------------------------------------------------ made by hand
# Hidden unit j stands for source word j, and the last one is always on. A query opens the units of the words it looks
# for, the first wider than the others, and shuts the rest: a unit that is shut gives nearly −1 whatever the key.
NUM_UNITS = 6
BY_HAND_V = [2.5] * (NUM_UNITS - 1) + [10.0]
OPEN, AJAR, SHUT, ON = 0.0, -1.0, -3.0, 3.0

# A written word, its probability, the next best word and its probability, and the source words it looks at: the first
# is a sure link of the reference's word, others are possible ones.
Step = tuple[str, float, str, float, list[int]]
NEGATED: list[Step] = [
    ("je", 0.97, "nous", 0.02, [0]), ("ne", 0.96, "le", 0.03, [2]), ("le", 0.9, "la", 0.08, [4]),
    ("vois", 0.95, "voyais", 0.03, [3, 1]), ("pas", 0.98, "plus", 0.01, [2]), ("</s>", 0.99, "bien", 0.01, []),
]  # fmt: skip
MISTAKEN: list[Step] = [
    ("nous", 0.98, "on", 0.01, [0]), ("voyons", 0.93, "regardons", 0.05, [1]), ("la", 0.81, "cette", 0.1, [2]),
    ("maison", 0.96, "rue", 0.02, [4]), ("rouge", 0.52, "bleue", 0.46, [3]), ("</s>", 0.99, "et", 0.01, []),
]  # fmt: skip


def _by_hand() -> list[Record]:
    return [
        _sentence_by_hand("by hand: a negation", "I do not see it", "je ne le vois pas", NEGATED),
        _sentence_by_hand("by hand: a wrong word", "we see the blue house", "nous voyons la maison bleue", MISTAKEN),
    ]


def _sentence_by_hand(label: str, source: str, reference: str, steps: list[Step]) -> Record:
    words, units = source.split(), range(NUM_UNITS - 1)
    right = [i for i, (step, word) in enumerate(zip(steps, reference.split(), strict=False)) if step[0] == word]
    looks = [step[-1] for step in steps]
    return {
        "label": label,
        "source": words,
        "target": [step[0] for step in steps],
        "reference": reference.split(),
        "sure": [[looks[i][0], i] for i in right],
        "possible": [[j, i] for i in right for j in looks[i]],
        "queries": [
            [OPEN if [unit] == look[:1] else AJAR if unit in look else SHUT for unit in units] + [ON] for look in looks
        ],
        "keys": [[2.0 if unit == j else -2.0 for unit in units] + [ON] for j in range(len(words))],
        "candidates": [[[word, p], [rival, share]] for word, p, rival, share, _ in steps],
    }
