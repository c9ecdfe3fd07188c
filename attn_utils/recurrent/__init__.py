r"""Sequence to sequence with recurrent nets: an encoder, a decoder without attention, a decoder with it.

A model built of these has two ways in. ``model(source, target_in)`` gives the logits of all steps at once, for
training. ``model.start(source)`` and ``model.step(tokens, memory, cache)`` take one step at a time, for
:mod:`attn_utils.decoding`: *memory* is what belongs to a source, *cache* what belongs to one of the ``n`` beginnings of
a translation that are followed side by side.

Shapes: ``b`` sentences, ``s`` source words, ``t`` target words, padding included; token numbers are integers of any
type, those of :mod:`attn_utils.data.vocabulary`.

PyTorch compiles a recurrent net whole only if ``torch._dynamo.config.allow_rnn = True`` has been set; then
``torch.compile(model, fullgraph=True)`` works. A compiled graph does not look at the token numbers it is given.
"""

from attn_utils.recurrent.decoders import BahdanauDecoder, Order, PlainDecoder, State
from attn_utils.recurrent.encoder import Encoder
from attn_utils.recurrent.seq2seq import Seq2Seq

__all__ = ["BahdanauDecoder", "Encoder", "Order", "PlainDecoder", "Seq2Seq", "State"]
