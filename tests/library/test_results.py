"""Stored results: each run is one of its own, by the models that it names, and a save is all or nothing."""

import json

import pytest

from attn_utils import results


def test_results_come_back_with_what_made_them(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "_FOLDER", tmp_path)
    results.save("trial", "experiments.trial", {"rows": [1.5]})
    stored = results.load("trial")
    assert stored["rows"] == [1.5]
    assert stored["command"].startswith("python -m experiments.trial")
    assert {"date", "machine", "versions"} <= stored.keys()
    with pytest.raises(TypeError):
        results.save("trial", "experiments.trial", {"rows": [object()]})
    assert results.load("trial") == stored  # what cannot be stored leaves the old file as it is
    with pytest.raises(ValueError, match="name must be one of trial, got 'other'"):
        results.load("other")


FIGURES = {
    "settings": {"steps": 3, "by": "hand"},
    "corpus": {"random": {"AER": {"uniform": 0.9}, "words": 5}},
    "runs": ({"é": 1, "loss": [2.5, 1.5], "by length": [{"n": 1}, {"n": 2}]}, {"é": 2}),
    "steps": {8: [[0, 1], [1, 0]]},
    "none": [],
}
STORED = """\
 "settings": {"steps": 3, "by": "hand"},
 "corpus": {
  "random": {
   "AER": {"uniform": 0.9},
   "words": 5
  }
 },
 "runs": [
  {"é": 1, "loss": [2.5, 1.5], "by length": [{"n": 1}, {"n": 2}]},
  {"é": 2}
 ],
 "steps": {
  "8": [
   [0, 1],
   [1, 0]
  ]
 },
 "none": []
}
"""


def test_a_row_is_a_line(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "_FOLDER", tmp_path)
    text = results.save("trial", "experiments.trial", FIGURES).read_text("utf-8")
    assert text.endswith(STORED)
    figures = results.load("trial")
    assert {name: figures[name] for name in FIGURES} == json.loads(json.dumps(FIGURES))


@pytest.mark.parametrize("name", [path.stem for path in results._FOLDER.glob("*.json")])
def test_stored_files_are_as_they_would_be_saved(name):
    text = (results._FOLDER / f"{name}.json").read_text("utf-8")
    assert text == results._dumps(results.load(name)) + "\n"
