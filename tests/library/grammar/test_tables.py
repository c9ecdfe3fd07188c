"""The tables of the grammar: every name in them exists and is reached, and templates link what they say."""

import ast
import doctest
import random
import re
from pathlib import Path

import pytest

from attn_utils.data import grammar
from attn_utils.data.grammar import determiners, lexicon, predicates, pronouns, qualities, sentences
from attn_utils.data.grammar.determiners import DETERMINERS
from attn_utils.data.grammar.engine import RULES, Draw, English, French, Phrase
from attn_utils.data.grammar.templates import Template, templates, weighted
from attn_utils.data.grammar.words import ADJECTIVES, NOUNS, OBJECTS_OF, VERBS, lemmas

FILES = sorted(Path(grammar.__file__).parent.glob("*.py"))
TABLES_OF_RULES = [sentences.SENTENCES, sentences.DEEDS_IN_TIME, predicates.DEEDS, *predicates.PREDICATES.values()]
ROOT = "sentence"


def calls():
    """The rules by name, each with the names of the rules that the code of its file calls from inside it."""
    found = {}
    for path in FILES:
        functions = {f.name: f for f in ast.parse(path.read_text()).body if isinstance(f, ast.FunctionDef)}
        for name, function in functions.items():
            inside = set()
            for node in ast.walk(function):
                if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "RULES":
                    inside |= {leaf.value for leaf in ast.walk(node.slice) if isinstance(leaf, ast.Constant)}
                    inside |= {leaf.id for leaf in ast.walk(node.slice) if isinstance(leaf, ast.Name)}
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    inside.add(node.func.id)
                if isinstance(node, ast.Name) and node.id in ("PREDICATES", "DEEDS"):
                    inside.add(node.id)
            found.setdefault(name, set()).update(inside)
    found["PREDICATES"] = {name for table in predicates.PREDICATES.values() for name in table}
    found["DEEDS"], found["SENTENCES"] = set(predicates.DEEDS), set(sentences.SENTENCES)
    found["DEEDS_IN_TIME"] = set(sentences.DEEDS_IN_TIME)
    found["clause"].add("predicate")
    return found


def test_every_rule_that_is_called_exists():
    for path in FILES:
        for name in re.findall(r'RULES\["(\w+)"\]', path.read_text()):
            assert name in RULES or name == "its_name", (path.name, name)
    for table in TABLES_OF_RULES:
        assert set(table) <= set(RULES)
    assert set(RULES) >= predicates.STATES


def test_every_rule_is_reached_from_the_sentence():
    graph = calls()
    reached, waiting = set(), [ROOT]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += graph.get(name, ())
    assert set(RULES) <= reached, set(RULES) - reached


def test_the_files_need_each_other_in_one_direction():
    """Read from the first to the last, no file needs one that comes later."""
    needs = {
        path.stem: set(re.findall(r"^from attn_utils\.data\.grammar\.(\w+) import", path.read_text(), re.MULTILINE))
        for path in FILES
        if path.stem != "__init__"
    }
    read = set()
    while needs:
        ready = [name for name, wanted in needs.items() if wanted <= read]
        assert ready, f"in a circle: {needs}"
        read.update(ready)
        for name in ready:
            del needs[name]


def test_the_example_of_the_package_is_what_happens():
    result = doctest.testmod(grammar)
    assert result.attempted >= 9
    assert result.failed == 0


def every_template(value):
    if isinstance(value, Template):
        yield value
    elif isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from every_template(item)


def test_every_template_links_each_of_its_words_within_its_words():
    seen = set()
    modules = [getattr(grammar, name) for name in grammar.__all__]
    for template in every_template([list(vars(module).values()) for module in modules]):
        seen.add(template.line)
        parts = [Phrase([e := English(part)], [French(part, (e,))]) for part in template.parts]
        phrase = template.fill(*parts)
        linked = {id(word) for french in phrase.french for word in (*french.sure, *french.possible)}
        assert linked == {id(word) for word in phrase.english}, template.line
        assert all(french.sure or french.possible for french in phrase.french), template.line
        assert len(phrase.english) == len(template.english)
        assert len(phrase.french) == len(template.french)
    assert len(seen) > 50


def links(template, *parts):
    phrase = Template(template).fill(*parts)
    place = {id(word): i for i, word in enumerate(phrase.english)}
    sure = {(place[id(e)], j) for j, word in enumerate(phrase.french) for e in word.sure}
    possible = {(place[id(e)], j) for j, word in enumerate(phrase.french) for e in word.possible}
    return [e.text for e in phrase.english], [f.text for f in phrase.french], sure, possible


def the_cat():
    the, cat = English("the"), English("cat")
    return Phrase([the, cat], [French("le", (the,)), French("chat", (cat,))], form=2, kind="animal")


def test_a_template_without_marks_links_word_by_word():
    assert links("in three days = dans trois jours") == (
        ["in", "three", "days"], ["dans", "trois", "jours"], {(0, 0), (1, 1), (2, 2)}, set(),
    )  # fmt: skip


def test_the_marks_of_a_template_are_sure_and_possible_links():
    assert links("last week = la~2 semaine/2 dernière/1")[2:] == ({(1, 1), (0, 2)}, {(1, 0)})
    assert links("in front of THING = devant~1/2~3 THING", the_cat())[2:] == (
        {(1, 0), (3, 1), (4, 2)},
        {(0, 0), (2, 0)},
    )


def test_a_mark_at_a_part_means_its_last_english_and_its_first_french_word():
    anne = English("anne")
    owner = Phrase([anne], [French("anne", (anne,))], kind="human")
    english, french, sure, possible = links("OWNER 's THING = THING~2 de/2 OWNER", owner, the_cat())
    assert (english, french) == (["anne", "'s", "the", "cat"], ["le", "chat", "de", "anne"])
    assert sure == {(2, 0), (3, 1), (1, 2), (0, 3)}
    assert possible == {(1, 0)}
    assert links("GIVE THING = à~2 GIVE THING", owner, the_cat())[3] == {(2, 0)}


def test_the_whole_has_the_features_of_what_comes_first_in_french():
    whole = Template("OWNER 's THING = THING~2 de/2 OWNER").fill(Phrase([English("x")], [French("x")]), the_cat())
    assert (whole.form, whole.kind) == (2, "animal")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("hello bonjour", "must be written 'English = French'"),
        ("two days = deux", "as many English as French words"),
        ("two days = deux/1 jours/3", "links to places 1 to 2"),
        ("two days = deux/1 jours/1", "without a link of 'days'"),
        ("two days = deux/1/2 jours", "without a link of 'jours'"),
        ("WHO sings = chante", "the same parts on both sides"),
        ("she sings = WHO chante/2", "the same parts on both sides"),
        ("two days = deux/1 jours/two", "must mark links as in"),
    ],
)
def test_a_template_that_is_not_written_so_is_refused(line, message):
    with pytest.raises(ValueError, match=message):
        Template(line)


def test_a_template_wants_its_parts():
    with pytest.raises(ValueError, match="parts must be WHO, got 0 of them"):
        Template("WHO sings = WHO chante").fill()


def test_weighted_choices_and_tables_of_templates():
    assert weighted("the:2 own") == ("the", "the", "own")
    assert [template.line for template in templates("\none = un\ntwo = deux\n")] == ["one = un", "two = deux"]


def test_every_determiner_that_can_be_drawn_has_a_row():
    wishes = {"own", "any-thing"}
    drawn = {"one", "none", "any"}
    for table in (
        *vars(determiners).values(),
        *predicates.OBJECT_DETERMINERS.values(),
        sentences.WHOSE,
        sentences.CHAINED,
    ):
        if isinstance(table, tuple) and table and isinstance(table[0], str):
            drawn |= set(table)
    assert drawn <= set(DETERMINERS) | wishes
    assert set(determiners.NOTED) | determiners.OF_MANY | determiners.OF_NOBODY_KNOWN <= set(DETERMINERS)
    assert set(DETERMINERS) >= determiners.ONLY_PLURAL


def test_one_english_word_of_a_determiner_or_as_many_as_in_french():
    for forms in DETERMINERS.values():
        for english, french in forms:
            assert len(english) in (0, 1, len(french))


def test_tags_and_verbs_that_the_tables_name_exist():
    tags = set().union(*(noun.tags for noun in NOUNS))
    for verb in VERBS:
        assert verb.objects <= tags, verb
        assert verb.subjects <= tags, verb
        assert not verb.objects or OBJECTS_OF[verb]
    for adjective in ADJECTIVES:
        assert adjective.tags <= tags, adjective
    bases = {verb.english.base for verb in VERBS}
    assert {verb.english.base for verb, _ in predicates.MOTION} == {verb.english.base for verb in predicates.MOVING}
    assert {where for _, where in predicates.MOTION} == {"", "anywhere", *predicates.DESTINATIONS}
    assert set(predicates.OBJECT_DETERMINERS) <= bases
    assert predicates.FOR_SOMEBODY | predicates.DONE_WELL | predicates.TOGETHER | set(sentences.NEEDS) <= bases
    words = {adjective.english for adjective in ADJECTIVES}
    assert words >= qualities.PASSING | qualities.GRADABLE | qualities.COMPARED_BY_MORE
    assert set().union(*qualities.OPPOSITES) <= words


def test_a_word_that_is_not_in_the_lexicon_is_not_passed_over():
    with pytest.raises(KeyError, match="unicorn"):
        lemmas("cat unicorn")


def test_every_word_of_the_aspirated_is_in_the_lexicon_or_its_plural():
    forms = {form for noun in NOUNS for form in noun.french}
    assert forms >= lexicon.ASPIRATED


@pytest.mark.parametrize(("one", "other", "form"), [(2, 2, 3), (0, 2, 1), (2, 0, 1), (2, 1, 1), (3, 2, 3)])
def test_two_are_feminine_only_if_both_are(one, other, form):
    phrases = [Phrase([English("x")], [French("x")], form=each, kind="human") for each in (one, other)]
    both = RULES["coordination"](Draw(random.Random(0)), *phrases)
    assert (both.form, both.slot, both.kind) == (form, 3, "human")


def test_pronouns_of_both_languages():
    assert [row[0] for row in pronouns.PRONOUNS] == ["i", "he", "she", "we", "they"]
    assert [row[0] for row in pronouns.CLITICS] == ["it", "him", "her", "them", "me", "us"]


def test_lexicon_has_at_least_150_lemmas_a_side():
    english = {noun.english[0] for noun in NOUNS} | {a.english for a in ADJECTIVES} | {v.english.base for v in VERBS}
    french = (
        {noun.french[0] for noun in NOUNS} | {a.french[0] for a in ADJECTIVES} | {v.french.infinitive for v in VERBS}
    )
    assert len(english) >= 150
    assert len(french) >= 150
