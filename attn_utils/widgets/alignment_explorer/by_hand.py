"""Two translations made by hand, which the alignment explorer shows when it is given none."""

from __future__ import annotations

from attn_utils.widgets.alignment_explorer.translation import Translation

__all__ = ["SENTENCES", "V"]

# Hidden unit j stands for source word j, and the last one is always on. A query opens the units of the words it looks
# for, the first wider than the others, and shuts the rest: a unit that is shut gives nearly −1 whatever the key.
NUM_UNITS = 6
V = [2.5] * (NUM_UNITS - 1) + [10.0]
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


def _sentence(label: str, source: str, reference: str, steps: list[Step]) -> Translation:
    words, units = source.split(), range(NUM_UNITS - 1)
    right = [i for i, (step, word) in enumerate(zip(steps, reference.split(), strict=False)) if step[0] == word]
    looks = [step[-1] for step in steps]
    return Translation(
        label=label,
        source=words,
        target=[step[0] for step in steps],
        reference=reference.split(),
        sure=[(looks[i][0], i) for i in right],
        possible=[(j, i) for i in right for j in looks[i]],
        queries=[
            [OPEN if [unit] == look[:1] else AJAR if unit in look else SHUT for unit in units] + [ON] for look in looks
        ],
        keys=[[2.0 if unit == j else -2.0 for unit in units] + [ON] for j in range(len(words))],
        candidates=[[(word, p), (rival, share)] for word, p, rival, share, _ in steps],
    )


SENTENCES = [
    _sentence("by hand: a negation", "I do not see it", "je ne le vois pas", NEGATED),
    _sentence("by hand: a wrong word", "we see the blue house", "nous voyons la maison bleue", MISTAKEN),
]
