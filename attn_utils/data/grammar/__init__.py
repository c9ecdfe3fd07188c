"""A small grammar of English and French, which builds a sentence in both languages at once.

How to read it: one example. "the old cat" is built by the rule ``noun_phrase``::

    lexicon.NOUNS       cat      chat                  m    animal pet own
    lexicon.ADJECTIVES  old      vieux/vieille/vieil   before   … animal …
    determiners.TABLE   the      le   les   la   les

*chat* is masculine and singular, form 0, so the article is *le* and the adjective *vieux*; its column says that it
stands before the noun. Each French word is made with the English word that it translates, so the links need no search:

>>> import random
>>> from attn_utils.data.grammar.engine import RULES, Draw
>>> from attn_utils.data.grammar.surface import join
>>> from attn_utils.data.grammar.words import lemmas
>>> def show(seed, noun, determiner):
...     d = Draw(random.Random(seed))
...     pair = join(d, RULES["noun_phrase"](d, lemmas(noun), [determiner], 0))
...     print(*pair.source, "=", *pair.target, sorted(pair.sure))
>>> show(7, "cat", "the")
the old cat = le vieux chat [(0, 0), (1, 1), (2, 2)]

The same choices with a feminine noun take the third form of everything, in the plural the second or the fourth. Before
a vowel *vieux* is *vieil*: no rule thinks of that, ``surface`` does it at the end, when it is known what stands beside
what.

>>> show(7, "key", "the")
the old key = la vieille clé [(0, 0), (1, 1), (2, 2)]
>>> show(162, "cat", "the")
the old cats = les vieux chats [(0, 0), (1, 1), (2, 2)]
>>> show(4, "friend", "my")
my old friend = mon vieil ami [(0, 0), (1, 1), (2, 2)]

A rule may put its parts in another order in each language. Where it does nothing else it is a *template*: a line with
marks for the links. That of "the doctor 's cat" is ``OWNER 's THING = THING~2 de/2 OWNER``. The second English word,
*'s*, is translated by *de*, a sure link, and possibly by the article that THING begins with, which English does not
have. At the end de + le is *du*.

>>> show(931, "cat", "genitive")
the doctor 's cat = le chat du médecin [(0, 2), (1, 3), (2, 2), (3, 1)]

The files, each of which needs only those above it:

- ``lexicon``: the words, as tables. ``morphology``: plurals and conjugation. ``words``: the lexicon, read.
- ``engine``: words, phrases, chance, rules by name. ``templates``: how tables of constructions are written.
- ``determiners``, ``noun_phrases``, ``pronouns``: who and what.
- ``verb_groups``: tense, negation, pronoun objects. ``circumstances``: where and when.
- ``predicates``, ``qualities``: what is done, what something is like.
- ``clauses``, ``sentences``: the whole.
- ``surface``: "an" for "a", elision, contraction; the links read off.

To change a word, change its row in ``lexicon``. To say a thing in a new way, write a template and fill it in a rule. A
new rule is a function under ``@rule`` that another one calls, ``RULES["its_name"](d, …)``, or that stands in a table of
choices with a weight: ``weighted("simple:22 existence …")`` in ``sentences`` chooses among sentences. Every random
choice of a sentence comes from its draw ``d``, so a change of any table or rule changes the corpus: the tests hold a
hash of it.
"""

# Importing a file of rules enters them in the table.
from attn_utils.data.grammar import (
    circumstances,
    clauses,
    determiners,
    noun_phrases,
    predicates,
    pronouns,
    qualities,
    sentences,
)

__all__ = [
    "circumstances",
    "clauses",
    "determiners",
    "noun_phrases",
    "predicates",
    "pronouns",
    "qualities",
    "sentences",
]
