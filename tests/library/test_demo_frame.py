"""What all demos share: results that follow the inputs, inputs that are checked, a description that is kept."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
import traitlets
from torch.testing import assert_close

import attn_utils.widgets
from attn_utils.widgets import (
    AlignmentExplorer,
    KernelExplorer,
    LookFromAPixel,
    MaskEditor,
    PointAndAttend,
    TransformerExplorer,
    WhySqrtD,
)
from attn_utils.widgets.frame.demo import front_end

DEMOS = [PointAndAttend, KernelExplorer, WhySqrtD, MaskEditor, AlignmentExplorer, LookFromAPixel, TransformerExplorer]


def test_results_can_be_observed_and_linked_but_not_set():
    demo, other = PointAndAttend(), PointAndAttend()
    seen = []
    demo.observe(lambda change: seen.append(change.new), names="weights")
    traitlets.link((demo, "temperature"), (other, "temperature"))
    demo.temperature = 3.0
    assert len(seen) == 1
    assert_close(other.weights, demo.weights)
    with pytest.raises(traitlets.TraitError, match="read-only"):
        demo.weights = torch.zeros(7)


@pytest.mark.parametrize("kind", DEMOS)
def test_reset_goes_back_to_the_inputs_of_the_start(kind):
    demo = kind()
    start = {name: getattr(demo, name) for name in kind.inputs}
    for name in kind.inputs:
        setattr(demo, name, {**TAKEN, "sentence": 1}[name])
        assert getattr(demo, name) != start[name]
    demo.reset()
    assert {name: getattr(demo, name) for name in kind.inputs} == start


@pytest.mark.parametrize(
    ("kind", "wrong", "wanted"),
    [
        (PointAndAttend, {"query": [1.0, 2.0, 3.0]}, r"finite numbers from -3 to 3 of shape \(2,\)"),
        (PointAndAttend, {"query": [0.0, 3.5]}, "from -3 to 3"),
        (PointAndAttend, {"query": [0.0, float("nan")]}, "finite numbers"),
        (PointAndAttend, {"query": "here"}, "finite numbers"),
        (PointAndAttend, {"temperature": 0.0}, "0.02"),
        (PointAndAttend, {"key_points": [[0.0, 0.0]]}, "one entry for each of key_points, 1 in all, got 7"),
        (PointAndAttend, {"value_colors": []}, r"of shape \(any, 3\)"),
        (PointAndAttend, {"temprature": 1.0}, "no input 'temprature'; it has query, temperature"),
        (KernelExplorer, {"kernel": "cosine"}, "gaussian"),
        (KernelExplorer, {"width": -1.0}, "0.05"),
        (KernelExplorer, {"x": 5.5}, "5"),
        (KernelExplorer, {"x_train": [0.0, 1.0]}, "y_train must have one entry for each of x_train, 2 in all, got 50"),
        (WhySqrtD, {"dimension": 0}, "1"),
        (WhySqrtD, {"dimension": 2.5}, "int"),
        (WhySqrtD, {"draw": -1}, "0"),
        (MaskEditor, {"lengths": [7, 0, 0, 0, 0]}, r"integers from 0 to 6 of shape \(5,\)"),
        (MaskEditor, {"lengths": [0.5, 0, 0, 0, 0]}, "integers from 0 to 6"),
        (MaskEditor, {"blocked": [[0] * 5] * 5}, r"of shape \(5, 6\)"),
        (AlignmentExplorer, {"sentence": 2}, "sentence must be from 0 to 1: there are 2 sentences, got 2"),
        (AlignmentExplorer, {"step": -1}, "0"),
        (AlignmentExplorer, {"sentences": []}, "a list of at least one Translation"),
        (AlignmentExplorer, {"sentences": [3]}, "a list of at least one Translation"),
        (
            AlignmentExplorer,
            {"v": [1.0, 2.0]},
            r"sentences\[0\].queries must have one column for each of v, 2 in all, got 6",
        ),
        (LookFromAPixel, {"scene": 3}, "scene must be from 0 to 2, got 3"),
        (LookFromAPixel, {"net": "half"}, r"net must be one of \['pooled', 'full'\], got 'half'"),
        (LookFromAPixel, {"pixel": [0, 14]}, r"pixel must lie in a map of 14 x 14, got \[0, 14\]"),
        (LookFromAPixel, {"pixel": [0.5, 1]}, "integers from 0"),
        (LookFromAPixel, {"scenes": []}, "a list of at least one PixelScene"),
        (LookFromAPixel, {"scenes": [3]}, "a list of at least one PixelScene"),
        (TransformerExplorer, {"sentence": 2}, "sentence must be from 0 to 1: there are 2, got 2"),
        (TransformerExplorer, {"layer": 2}, "layer must be from 0 to 1: there are 2, got 2"),
        (TransformerExplorer, {"head": 4}, "head must be from 0 to 3: there are 4, got 4"),
        (TransformerExplorer, {"head": "best"}, "'mean'"),
        (TransformerExplorer, {"kind": "self"}, "'cross'"),
        (TransformerExplorer, {"step": -1}, "0"),
        (TransformerExplorer, {"sentences": []}, "a list of at least one TransformerRun"),
        (TransformerExplorer, {"sentences": [3]}, "a list of at least one TransformerRun"),
    ],
)
def test_a_wrong_input_is_refused_with_what_is_wanted(kind, wrong, wanted):
    with pytest.raises((traitlets.TraitError, ValueError), match=wanted):
        kind(**wrong)


def snapshot(demo) -> dict:
    """Everything that a demo shows and everything that its front end knows."""
    names = [*demo.inputs, *demo.data, *demo.compute()]
    return {name: getattr(demo, name) for name in names} | {"state": json.dumps(demo.get_state(), default=str)}


def same(one: dict, other: dict) -> bool:
    return all(torch.equal(x, other[n]) if isinstance(x, torch.Tensor) else x == other[n] for n, x in one.items())


# For each trait of each demo, a value that is wrong in itself or beside the others.
REFUSED = [
    (PointAndAttend, "query", [0.0, 3.5]),
    (PointAndAttend, "temperature", 0.0),
    (PointAndAttend, "key_points", [[0.0, 0.0], [1.0, 1.0]]),
    (PointAndAttend, "value_colors", [[0.0, 0.0, 0.0]]),
    (KernelExplorer, "kernel", "cosine"),
    (KernelExplorer, "width", 0.0),
    (KernelExplorer, "x", 6.0),
    *[(KernelExplorer, name, [0.0, 1.0]) for name in KernelExplorer.data],
    (WhySqrtD, "dimension", 0),
    (WhySqrtD, "draw", -1),
    (MaskEditor, "lengths", [7] * 5),
    (MaskEditor, "causal", "yes"),
    (MaskEditor, "blocked", [[2] * 6] * 5),
    (MaskEditor, "naive", None),
    (MaskEditor, "scores", [[0.0] * 6] * 4),
    (AlignmentExplorer, "sentence", 2),
    (AlignmentExplorer, "step", -1),
    (AlignmentExplorer, "gold", "yes"),
    (AlignmentExplorer, "sentences", AlignmentExplorer().sentences[:1]),  # the second is shown
    (AlignmentExplorer, "v", [1.0, 2.0]),
    (LookFromAPixel, "scene", 3),
    (LookFromAPixel, "net", "half"),
    (LookFromAPixel, "pixel", [14, 0]),
    (LookFromAPixel, "scenes", [3]),
    (TransformerExplorer, "sentence", 2),
    (TransformerExplorer, "kind", "self"),
    (TransformerExplorer, "layer", 2),
    (TransformerExplorer, "head", "best"),
    (TransformerExplorer, "step", -1),
    (TransformerExplorer, "gold", None),
    (TransformerExplorer, "sentences", TransformerExplorer().sentences[:1]),  # the second is shown
]
# One value for each input of each demo that is taken.
TAKEN = {
    "query": [1, 1], "temperature": 9.0, "kernel": "box", "width": 0.2, "x": 0.0, "dimension": 2, "draw": 5,
    "lengths": [1] * 5, "causal": True, "blocked": [[1] * 6] * 5, "naive": True,
    "sentence": 0, "step": 3, "gold": False, "scene": 1, "net": "full", "pixel": [2, 3],
    "kind": "encoder", "layer": 1, "head": "mean",
}  # fmt: skip


def test_every_trait_has_a_value_to_refuse():
    assert {(kind, name) for kind, name, _ in REFUSED} == {
        (kind, name) for kind in DEMOS for name in kind.inputs + kind.data
    }


@pytest.mark.parametrize(("kind", "name", "wrong"), REFUSED, ids=lambda x: getattr(x, "__name__", str(x)[:20]))
@pytest.mark.parametrize("in_one_step", [False, True])
def test_a_refused_value_leaves_the_demo_as_it_was(kind, name, wrong, in_one_step):
    demo = kind(**({"sentence": 1} if "sentence" in kind.inputs else {}))
    before, told = snapshot(demo), []
    demo.observe(told.append, names=traitlets.All)
    message = None
    try:
        if in_one_step:
            with demo.hold_trait_notifications():
                setattr(demo, name, wrong)
        else:
            setattr(demo, name, wrong)
    except (traitlets.TraitError, ValueError) as error:
        message = str(error)
    assert message
    assert same(before, snapshot(demo))
    assert not told
    for other in kind.inputs:  # and it goes on
        setattr(demo, other, TAKEN[other])
        assert getattr(demo, other) == TAKEN[other]
    assert not same(before, snapshot(demo))
    fresh = kind(**{other: TAKEN[other] for other in kind.inputs})
    assert all(torch.equal(torch.as_tensor(getattr(demo, n)), torch.as_tensor(x)) for n, x in fresh.compute().items())


def test_what_belongs_together_changes_in_one_step():
    demo = PointAndAttend()
    told = []
    demo.observe(lambda change: told.append(len(demo.weights)), names=["key_points", "value_colors", "weights"])
    with demo.hold_trait_notifications():
        demo.key_points = [[0, 0], [1, 1]]
        demo.value_colors = [[0, 0, 0], [1, 1, 1]]
    assert told == [2, 2, 2]
    before = snapshot(demo)

    def half_right() -> None:
        with demo.hold_trait_notifications():
            demo.key_points = [[0, 0]] * 3
            demo.value_colors = [[0, 0, 0]]
            demo.temperature = 2.0

    with pytest.raises(ValueError, match="one entry for each of key_points, 3 in all, got 1"):
        half_right()
    assert same(before, snapshot(demo))


def test_a_value_that_makes_the_library_refuse_is_refused():
    """Whatever `compute` raises, and whatever its reason."""

    class Fragile(PointAndAttend):
        def compute(self):
            if self.temperature > 40:
                raise ArithmeticError("too hot")
            return super().compute()

    demo = Fragile()
    before = snapshot(demo)
    with pytest.raises(ArithmeticError, match="too hot"):
        demo.temperature = 45.0
    assert same(before, snapshot(demo))
    demo.temperature = 3.0
    assert_close(demo.weights, PointAndAttend(temperature=3.0).weights)


def test_tensors_and_arrays_are_taken():
    demo = PointAndAttend()
    demo.query = torch.tensor([1.0, 2.0])
    assert demo.query == [1.0, 2.0]
    demo.query = torch.tensor([0.5, 2.0]).numpy()
    assert demo.query == [0.5, 2.0]


@pytest.mark.parametrize("kind", DEMOS)
def test_the_whole_description_stands_in_for_the_demo(kind):
    demo = kind()
    data, _ = demo._repr_mimebundle_()
    assert len(demo.description) > 110  # where some versions of anywidget would cut
    assert data["text/plain"] == repr(demo) == f"Demo “{kind.title}”: {demo.description}"
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == demo.model_id


@pytest.mark.parametrize("kind", DEMOS)
def test_the_state_holds_the_front_end_and_no_result(kind):
    state = kind().get_state()
    folder = kind.__module__.split(".")[-2]
    assert state["_esm"] == kind._esm == front_end(Path(attn_utils.widgets.__file__).parent / folder / "widget.py")
    assert "export default { render };" in state["_esm"]
    assert ".attn-demo" in state["_css"]
    assert not set(state) & set(kind().compute())


@pytest.mark.parametrize("kind", DEMOS)
def test_the_state_says_how_much_room_the_demo_will_take(kind):
    assert len(kind.heights) == 7
    assert kind().get_state()["_heights"] == " ".join(map(str, kind.heights))


def test_a_longer_sentence_takes_more_room():
    short = AlignmentExplorer().sentences[0]
    long = dataclasses.replace(short, source=[*short.source, *"abcd"], keys=[*short.keys, *short.keys[:4]])
    for number, wanted in ((0, 0), (1, 3 * 32)):  # a row of 2 rem for each word from the seventh on
        room = AlignmentExplorer(sentences=[short, long], sentence=number).reserve()
        assert [height - before for height, before in zip(room, AlignmentExplorer.heights, strict=True)] == [wanted] * 7


class Heavy(PointAndAttend):
    def asset(self, name):
        return {"weights": [1, 2]} if name == "small" else super().asset(name)


@pytest.mark.parametrize(
    ("asked", "answers"),
    [
        ({"asset": "small"}, [{"asset": "small", "content": {"weights": [1, 2]}}]),
        ({"asset": "large"}, [{"asset": "large", "error": "Heavy has no asset 'large'"}]),
        ({"something": "else"}, []),
        ("nothing", []),
    ],
)
def test_the_kernel_answers_for_an_asset(asked, answers, monkeypatch):
    demo, sent = Heavy(), []
    monkeypatch.setattr(demo, "send", sent.append)
    demo._handle_custom_msg(asked, [])
    assert sent == answers
