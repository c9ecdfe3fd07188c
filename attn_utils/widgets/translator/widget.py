"""Translator: type a sentence, see it translated and where the model looked, and put a famous bug in."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import traitlets

from attn_utils.transformer import Transformer
from attn_utils.widgets.frame.demo import Demo, front_end, style, tensor_result
from attn_utils.widgets.translator import packed
from attn_utils.widgets.translator.bugs import BUGS, broken
from attn_utils.widgets.translator.measure import measure, translated
from attn_utils.widgets.translator.reading import read_words

__all__ = ["Translator"]


@cache
def _with_bug(bug: str) -> Transformer:
    return broken(packed.stored().model, bug)


class Translator(Demo):
    """Type an English sentence: a trained Transformer translates it, here, and shows where it looked.

    It has 264,128 parameters, two layers each of encoder and decoder with four heads, and matrices rounded to eight
    bits. The page computes with them by itself. They are no part of the widget but an asset, ``translator.js``, that
    the page loads; with a kernel the kernel sends it. An installed library is without it, and the demo says so.

    A switch puts one famous bug into the model. The demo then translates 40 sentences that were held out of training,
    once as it should be and once with the bug.

    Inputs:
        sentence: What is to be translated.
        search: ``"greedy"``, or ``"beam"`` for four beginnings side by side.
        bug: ``"none"``, or one of ``attn_utils.widgets.translator.bugs.BUGS``, such as ``"no positions"``.

    Results, empty where there is no asset or the sentence cannot be translated:
        tokens: Numbers of the ``t`` words written, the end included if there is one, shape ``(t,)``.
        weights: Mean of all heads of cross-attention in the step that wrote each, shape ``(t, s)``.

    Raises:
        traitlets.TraitError: If an input is out of its range.

    Source:
        Vaswani et al. (2017).
    """

    _esm = front_end(__file__)
    _css = style(__file__)
    title = "Translator"
    heights = (1149, 1078, 1056, 970, 901, 835, 813)
    inputs = ("sentence", "search", "bug")

    description = traitlets.Unicode(
        "A map of violet cells, the darker the larger the weight. Each row belongs to a French word that was written, "
        "each column to a word of the English sentence: the mean of all heads of cross-attention. Unbroken, nearly "
        "each row has one dark cell, in the column of the word that it translates."
    ).tag(sync=True)
    sentence = traitlets.Unicode("the old man reads the book", help="What is to be translated.").tag(sync=True)
    search = traitlets.Enum(("greedy", "beam"), "greedy", help="How words are chosen.").tag(sync=True)
    bug = traitlets.Enum(("none", *BUGS), "none", help="The bug in the model.").tag(sync=True)
    tokens = tensor_result("Numbers of the words written, shape (t,).")
    weights = tensor_result("Mean weights of each step, shape (t, s).")

    @property
    def translation(self) -> str:
        """The words written, without the end."""
        words = packed.stored().target_words if len(self.tokens) else ()
        return " ".join(words[int(i)] for i in self.tokens if words[int(i)] != "</s>")

    def compute(self) -> dict[str, Any]:
        """Translate the sentence with the library's Transformer, its matrices rounded as in the page."""
        nothing = {"tokens": torch.zeros(0, dtype=torch.float64), "weights": torch.zeros(0, dtype=torch.float64)}
        if not packed.FILE.is_file():
            return nothing
        number = {word: i for i, word in enumerate(packed.stored().source_words)}
        words, problem = read_words(self.sentence, number)
        if problem:
            return nothing
        source = [number[word] for word in words]
        tokens, _, weights = translated(_with_bug(self.bug), source, self.search, off=self.bug == "one row off")
        return {"tokens": torch.tensor(tokens, dtype=torch.float64), "weights": weights.double()}

    def measure(self) -> dict[str, Any]:
        """Count what the page counts over its 40 sentences with the bug: ``exact``, ``endless``, ``of`` and ``AER``.

        Raises:
            ValueError: If the asset is not there.
        """
        packed.read()
        return measure(_with_bug(self.bug), packed.stored(), off_by=self.bug)

    def asset(self, name: str) -> Any:
        """Give the front end the translator."""
        return packed.read() if name == packed.NAME else super().asset(name)
