"""Demos: small pictures of one formula each, to be moved by hand.

They run in a page without a kernel as well as in Jupyter and Colab. With a kernel, set their inputs and read their
results: ``demo.width = 0.3; demo.weights``.
"""

from attn_utils.widgets.alignment_explorer.translation import Translation
from attn_utils.widgets.alignment_explorer.widget import AlignmentExplorer
from attn_utils.widgets.cost_and_reach.widget import CostAndReach
from attn_utils.widgets.frame.demo import Demo
from attn_utils.widgets.heads.widget import Heads
from attn_utils.widgets.kernel_explorer.widget import KernelExplorer
from attn_utils.widgets.look_from_a_pixel.scene import PixelScene
from attn_utils.widgets.look_from_a_pixel.widget import LookFromAPixel
from attn_utils.widgets.mask_editor.widget import MaskEditor
from attn_utils.widgets.memory.widget import Memory
from attn_utils.widgets.merge_machine.widget import MergeMachine
from attn_utils.widgets.point_and_attend.widget import PointAndAttend
from attn_utils.widgets.position_dials.widget import PositionDials
from attn_utils.widgets.transformer_explorer.run import TransformerRun
from attn_utils.widgets.transformer_explorer.widget import TransformerExplorer
from attn_utils.widgets.translator.widget import Translator
from attn_utils.widgets.why_sqrt_d.widget import WhySqrtD

__all__ = [
    "AlignmentExplorer",
    "CostAndReach",
    "Demo",
    "Heads",
    "KernelExplorer",
    "LookFromAPixel",
    "MaskEditor",
    "Memory",
    "MergeMachine",
    "PixelScene",
    "PointAndAttend",
    "PositionDials",
    "TransformerExplorer",
    "TransformerRun",
    "Translation",
    "Translator",
    "WhySqrtD",
]
