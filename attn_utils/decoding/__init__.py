r"""Decoding: from a trained model to sentences, greedily, with a beam, or by hand.

Any model will do that has two methods (:class:`Decodable`): ``start`` reads the source once, ``step`` scores the next
token of all hypotheses, the beginnings of a sentence that are followed side by side. What the model must know at a step
comes in two parts. The *memory* belongs to the source: its rows are sentences, and all hypotheses of a sentence share
it. The *cache* belongs to a hypothesis: when one branches, is given up or changes its place, its cache does so too. So
only the cache is ever copied, and it may be the hidden state of a recurrent net or the keys and values of a
Transformer, which grow by a position at each step.

:func:`steps` goes through time. What becomes of the hypotheses is a *choice*, a function from log-probabilities to
parents and tokens: :func:`greedy` and :func:`beam_search` are two, and whatever you want to try by hand is another.

Shapes: ``b`` sentences, ``s`` source tokens, ``t`` emitted tokens, ``n`` hypotheses of a sentence, ``V`` words of the
target vocabulary, ``h`` heads, ``k`` keys.
"""

from attn_utils.decoding.searches import Decoded, beam_search, greedy
from attn_utils.decoding.stepping import Choice, Decodable, State, Step, Weights, most_probable, steps

__all__ = [
    "Choice",
    "Decodable",
    "Decoded",
    "State",
    "Step",
    "Weights",
    "beam_search",
    "greedy",
    "most_probable",
    "steps",
]
