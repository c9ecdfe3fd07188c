"""What all demos share: the front end, the description, checked inputs, results that follow them.

A demo is a folder with its class in ``widget.py`` and its front end in ``view.js`` and ``view.css``. The class is an
anywidget. Its front end computes and draws by itself, so the demo is alive in a page without a kernel. Where there is
a kernel, the class computes the same numbers with this library and offers them as traits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import torch
import traitlets
from torch import Tensor

from attn_utils.widgets.frame.join import join

__all__ = ["Demo", "Numbers", "front_end", "number_input", "number_result", "style", "tensor_result"]

_FOLDER = Path(__file__).parent


def front_end(widget: str) -> str:
    """Give the front end of a demo: ``view.js`` beside the file ``widget``, joined with the modules that it imports.

    The text travels in the notebook with the widget. Compare ``type(demo)._esm`` with the ``_esm`` that a notebook
    holds to find out whether the notebook is older than the source.
    """
    return join(Path(widget).parent / "view.js")


def style(widget: str) -> str:
    """Give the style sheet of a demo: the frame's, and ``view.css`` beside the file ``widget``, as one text."""
    sheets = (_FOLDER / "frame.css", Path(widget).parent / "view.css")
    return "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets)


class Numbers(traitlets.TraitType):
    """A trait that holds finite numbers as nested lists of a fixed shape, and takes arrays and tensors as well.

    Args:
        shape: Expected shape; ``None`` where any length of at least one will do.
        low: Smallest allowed number.
        high: Largest allowed number.
        integer: Hold integers instead of floats.
    """

    def __init__(
        self,
        shape: Sequence[int | None],
        default_value: Any = traitlets.Undefined,
        *,
        low: float = float("-inf"),
        high: float = float("inf"),
        integer: bool = False,
        **metadata: Any,
    ) -> None:
        self.shape, self.low, self.high, self.integer = tuple(shape), low, high, integer
        sizes = ["any" if size is None else str(size) for size in shape]
        shown = f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"
        kind = "integers" if integer else "finite numbers"
        limits = "" if low == -high == float("-inf") else f" from {low:g} to {high:g}"
        self.info_text = f"{kind}{limits} of shape {shown}"
        super().__init__(default_value, **metadata)

    def validate(self, obj: Any, value: Any) -> list[Any]:
        """Turn the value into nested lists, or say what is wanted."""
        try:
            numbers = torch.as_tensor(value, dtype=torch.float64)
        except (TypeError, ValueError, RuntimeError):
            self.error(obj, value)
        fits = numbers.ndim == len(self.shape) and all(
            got > 0 if wanted is None else got == wanted for got, wanted in zip(numbers.shape, self.shape, strict=False)
        )
        if not fits or not torch.isfinite(numbers).all() or not ((numbers >= self.low) & (numbers <= self.high)).all():
            self.error(obj, value)
        if self.integer:
            if not torch.equal(numbers, numbers.round()):
                self.error(obj, value)
            numbers = numbers.to(torch.int64)
        return numbers.tolist()


def tensor_result(help: str) -> Any:
    """Declare a float64 tensor that a demo computes: it can be read, observed and linked from, but not set."""
    return traitlets.Instance(Tensor, args=(), read_only=True, help=help)


def number_result(help: str) -> Any:
    """Declare a number that a demo computes: it can be read, observed and linked from, but not set."""
    return traitlets.Float(read_only=True, help=help)


def number_input(default: float, low: float, high: float, help: str) -> Any:
    """Declare a number that a control sets, within the limits of that control."""
    return traitlets.Float(default, min=low, max=high, help=help).tag(sync=True)


class Demo(anywidget.AnyWidget):
    """Base of all demos.

    A subclass names in ``inputs`` what its controls change and in ``data`` what it is given, and declares a synced
    trait for each. It declares a result for everything it computes, and gives these in :meth:`compute`. They are
    renewed whenever an input or the data change. Results stay out of the stored notebook: their last digits may
    depend on the machine, and the front end computes them anyway.

    A value from which nothing can be computed is refused: the demo keeps what it had, and nobody hears of the value.
    Change what belongs together as one step, ``with demo.hold_trait_notifications(): …``.
    """

    # Jupyter asks for this before it asks for the MIME bundle; ipywidgets 7 would cut the description short there.
    _ipython_display_ = None

    title: ClassVar[str] = ""
    #: How high the demo is, in CSS pixels, in boxes of 288, 358, 398, 540, 624, 736 and 832 pixels: a page reserves it.
    heights: ClassVar[tuple[int, ...]] = ()
    inputs: ClassVar[tuple[str, ...]] = ()
    data: ClassVar[tuple[str, ...]] = ()

    description = traitlets.Unicode(help="What is to be seen in the demo, for those who do not see it.").tag(sync=True)
    _start = traitlets.Dict(help="What Reset goes back to.").tag(sync=True)
    _heights = traitlets.Unicode(help="What `reserve` gave at the start.").tag(sync=True)

    def __init__(self, **inputs: Any) -> None:
        unknown = sorted(set(inputs) - set(self.trait_names()))
        if unknown:
            known = ", ".join(self.inputs + self.data)
            raise ValueError(f"{type(self).__name__} has no input {unknown[0]!r}; it has {known}")
        self._computed: dict[str, Any] | None = None  # what the results were computed from
        super().__init__(**inputs)
        self._start = {name: getattr(self, name) for name in self.inputs}
        self._renew()
        self._heights = " ".join(map(str, self.reserve()))
        self.on_msg(self._answer)

    def compute(self) -> dict[str, Any]:
        """Compute every result from the inputs, in float64."""
        raise NotImplementedError

    def asset(self, name: str) -> Any:
        """Give what the front end loads on demand because it is too heavy for a notebook; in a page, the host does."""
        raise ValueError(f"{type(self).__name__} has no asset {name!r}")

    def reserve(self) -> tuple[int, ...]:
        """Give the ``heights`` of this demo with its data."""
        return self.heights

    def reset(self) -> None:
        """Set what the controls change back to what the demo was made with."""
        with self.hold_sync(), self.hold_trait_notifications():
            for name, value in self._start.items():
                setattr(self, name, value)

    def notify_change(self, change: Any) -> None:
        """Renew the results before anyone hears of a new value, or put back what was there."""
        if self._computed is not None and change.name in self.inputs + self.data:
            self._renew()
        super().notify_change(change)

    def _check_lengths(self, first: str, second: str) -> None:
        """Refuse data that belong together but differ in length."""
        wanted, got = len(getattr(self, first)), len(getattr(self, second))
        if got != wanted:
            raise ValueError(f"{second} must have one entry for each of {first}, {wanted} in all, got {got}")

    def _renew(self) -> None:
        given = {name: getattr(self, name) for name in self.inputs + self.data}
        before, self._computed = self._computed, given
        if before is not None and all(value is before[name] for name, value in given.items()):
            return  # one step changed several, and the first of them has renewed the results
        try:
            results = self.compute()
        except Exception:
            self._computed = before
            if before is not None:
                self._trait_values.update(before)  # not set_trait: nobody has heard of the values that are taken back
            raise
        for name, value in results.items():
            self.set_trait(name, value)

    def _answer(self, _widget: object, message: Any, _buffers: object) -> None:
        name = message.get("asset") if isinstance(message, dict) else None
        if name is None:
            return
        try:
            self.send({"asset": name, "content": self.asset(name)})
        except Exception as error:  # whatever it is, the front end waits for an answer
            self.send({"asset": name, "error": str(error)})

    def __repr__(self) -> str:
        """Say what is to be seen: this is what stands in the notebook where the demo cannot."""
        return f"Demo “{self.title}”: {self.description}"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            data["text/plain"] = repr(self)  # some versions of anywidget cut it after 110 characters
        return bundle
