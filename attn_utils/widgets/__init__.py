"""Demos: small pictures of one formula each, to be moved by hand.

They run in a page without a kernel as well as in Jupyter and Colab. With a kernel, set their inputs and read their
results: ``demo.width = 0.3; demo.weights``.
"""

from attn_utils.widgets.alignment_explorer import AlignmentExplorer
from attn_utils.widgets.demo import Demo
from attn_utils.widgets.kernel_explorer import KernelExplorer
from attn_utils.widgets.mask_editor import MaskEditor
from attn_utils.widgets.point_and_attend import PointAndAttend
from attn_utils.widgets.why_sqrt_d import WhySqrtD

__all__ = ["AlignmentExplorer", "Demo", "KernelExplorer", "MaskEditor", "PointAndAttend", "WhySqrtD"]
