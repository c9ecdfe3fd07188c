"""Running a chapter: what runs is what is stored, a second run changes no byte, and nothing is lost on the way."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import samples
from nbformat.v4 import new_code_cell, new_notebook, new_output
from notebooks import RefusedError, run
from notebooks.canonical import canonical, load, loads, problems, write
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def stored(path: Path, *cells, minor=5) -> Path:
    path.write_text(json.dumps(samples.notebook(*cells, minor=minor)), encoding="utf-8")
    return path


def png(pixels) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


PIXELS = np.random.default_rng(0).integers(10, 240, (60, 80, 4), dtype=np.uint8)


def changed(count: int, by: int):
    other = PIXELS.copy()
    other.reshape(-1, 4)[:count, 1] += by
    return other


# ------------------------------------------------------------------------------------------------- in a real kernel
def test_what_runs_is_what_is_stored_and_a_second_run_changes_nothing(tmp_path):
    path = stored(
        tmp_path / "01_a.ipynb",
        samples.markdown("# A  \nhard break\n\n"),
        samples.code('\ntext = """a   \n\nb \t\n"""\nprint([len(line) for line in text.split("\\n")])\n   \n'),
        samples.code(""),
        samples.code("print(In[-1][-12:], 1)  \t\n"),
        minor=2,
    )
    run.run(path)
    assert problems(path) == []
    notebook = load(path)
    assert notebook.cells[0].source == "# A  \nhard break"
    assert notebook.cells[1].source == 'text = """a   \n\nb \t\n"""\nprint([len(line) for line in text.split("\\n")])'
    assert notebook.cells[1].outputs[0].text == "[4, 0, 3, 0]\n"
    assert notebook.cells[2].outputs[0].text == "1][-12:], 1) 1\n", "the kernel saw another source"
    first = path.read_bytes()
    run.run(path)
    assert path.read_bytes() == first


def test_old_outputs_do_not_keep_a_chapter_from_running(tmp_path):
    figure = samples.view("m") | {"data": {"image/png": png(PIXELS)}, "metadata": {"image/png": {"alt": "a"}}}
    path = stored(tmp_path / "01_a.ipynb", samples.code("print(1)", 7, [figure, figure, {"output_type": "x"}], id="a"))
    assert "one alt text" in problems(path)[0]
    run.run(path)
    assert problems(path) == []
    assert load(path).cells[0].outputs[0].text == "1\n"


def test_a_cell_that_fails_leaves_the_notebook_as_it_was(tmp_path):
    path = stored(tmp_path / "01_a.ipynb", samples.code("1 / 0", id="a"))
    before = path.read_bytes()
    with pytest.raises(RefusedError, match=r"(?s)a cell fails.*ZeroDivisionError"):
        run.run(path)
    assert path.read_bytes() == before


def test_what_is_saved_while_the_chapter_runs_is_kept(tmp_path):
    path = tmp_path / "01_a.ipynb"
    stored(path, samples.code(f"from pathlib import Path\nn = Path({str(path)!r}).write_text('saved')", id="a"))
    with pytest.raises(RefusedError, match="saved by another program"):
        run.run(path)
    assert path.read_text(encoding="utf-8") == "saved"


def test_interrupting_ends_in_a_line_and_without_a_kernel(tmp_path):
    for name in ("tools", "chapters"):
        (tmp_path / name).mkdir()
    (tmp_path / "tools" / "chapters.py").write_bytes((ROOT / "tools" / "chapters.py").read_bytes())
    (tmp_path / "tools" / "notebooks").symlink_to(ROOT / "tools" / "notebooks")
    note = tmp_path / "kernel"
    source = f"import os, time\nopen({str(note)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    path = stored(tmp_path / "chapters" / "01_a.ipynb", samples.code(source, id="a"))
    before = path.read_bytes()
    program = subprocess.Popen(
        [sys.executable, "-c", f"import signal, runpy, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
         f"sys.argv[1:] = ['run', '1']; sys.path.insert(0, {str(tmp_path / 'tools')!r}); "
         f"runpy.run_path({str(tmp_path / 'tools' / 'chapters.py')!r}, run_name='__main__')"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    for _ in range(600):
        if note.exists() and note.read_text():
            break
        time.sleep(0.1)
    os.killpg(program.pid, signal.SIGINT)
    out, err = program.communicate(timeout=60)
    assert (program.returncode, err) == (130, "01_a.ipynb: interrupted, left as it was\n"), out
    assert path.read_bytes() == before
    for _ in range(100):
        if not Path(f"/proc/{note.read_text()}").exists():
            break
        time.sleep(0.1)
    else:
        pytest.fail("the kernel is still there")


# ------------------------------------------------------------------------------------------------------- figures
@pytest.mark.parametrize(
    ("fresh", "kept"),
    [
        (PIXELS, True),
        (changed(443, 2), True),
        (changed(1000, 2), True),
        (changed(1001, 1), False),
        (changed(1, 3), False),
        (PIXELS[::-1], False),
        (PIXELS[:-1], False),
        (PIXELS[:, :, :3], False),
    ],
    ids=["equal", "another processor", "the most", "too many pixels", "too much", "upside down", "smaller", "opaque"],
)
def test_a_figure_that_nobody_can_tell_from_the_stored_one_keeps_its_bytes(fresh, kept):
    def notebook(image):
        figure = new_output("display_data", {"image/png": image, "text/plain": "Figure: x"})
        return new_notebook(cells=[new_code_cell("plot()", id="a", outputs=[figure])])

    old, new = png(PIXELS) + "\n", png(fresh)
    one = notebook(new)
    run.keep_figures(one, {cell.id: cell.outputs for cell in notebook(old).cells})
    assert one.cells[0].outputs[0].data["image/png"] == (old if kept else new)


def test_a_stored_picture_that_is_broken_is_replaced():
    assert not run.same_figure(b"no picture", base64.b64decode(png(PIXELS)))


def test_two_figures_in_a_cell_are_refused(tmp_path):
    figure = new_output("display_data", {"image/png": png(PIXELS)}, metadata={"image/png": {"alt": "a"}})
    notebook = new_notebook(cells=[new_code_cell("plot()", id="a", outputs=[figure, figure])])
    with pytest.raises(RefusedError, match="one alt text"):
        write(tmp_path / "01_a.ipynb", notebook)
    assert canonical(loads(json.dumps(new_notebook()))).cells == []
