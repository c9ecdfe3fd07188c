"""The chapters' main formulas, as they stand in the text, each beside the same thing computed.

A formula that is changed in a chapter is no longer the one that stands here; one that is changed here is no longer what
the library computes.
"""

import both_sides as of
import both_sides_of_layers as layers
import pytest
import torch
from both_sides import S, W

from attn_utils.attention import masked_softmax

FORMULAS = {
    "01": {
        r"o(q) = \sum_j w_j v_j, \qquad w_j = \frac{e^{s_j/T}}{\sum_l e^{s_l/T}}, "
        r"\qquad s_j = -\tfrac12 (q - k_j)^2 .": of.look_up,
        r"\operatorname{softmax}(s)_j = \frac{e^{s_j}}{\sum_l e^{s_l}} .": lambda: (W, masked_softmax(S)),
        r"o' - o = \frac{w_i}{1-w_i}\,(o - v_i) .": of.without_one,
        r"\boxed{\;\frac{\partial o}{\partial q} = \frac1T \sum_i w_i\,(v_i - o)(k_i - \bar k)^\top "
        r"= \frac1T\operatorname{Cov}_w(v, k)\;}": of.moving_the_query,
    },
    "02": {
        r"\hat f(q) = \sum_{i=1}^{50} w_i\, v_i, \qquad w_i = \frac{\mathcal K\big((q - k_i)/h\big)}"
        r"{\sum_{j} \mathcal K\big((q - k_j)/h\big)}.": of.kernel_regression,
        r"-\frac{\lVert q - k\rVert^2}{2h^2} \;=\; \frac{q \cdot k}{h^2} \;-\; \frac{\lVert q\rVert^2}{2h^2} "
        r"\;-\; \frac{\lVert k\rVert^2}{2h^2}.": of.distance_to_dot,
        r"v_i - \hat f_{-i}(k_i) = \frac{v_i - \hat f(k_i)}{1 - w_{ii}}.": of.leave_one_out,
        r"\frac{\partial \hat f}{\partial \log h} = -2\,\operatorname{Cov}_w(s, v) = -2 \Big(\sum_i w_i s_i v_i "
        r"- \sum_i w_i s_i \sum_i w_i v_i\Big),": of.slope_in_the_width,
    },
    "03": {
        r"w_{ij} = \frac{m_{ij}\, e^{s_{ij}}}{\sum_l m_{il}\, e^{s_{il}}}": of.masked,
        r"s(q, k) = \tanh\big([q; k]\, W\big) \cdot v = \tanh(q W_q + k W_k) \cdot v, "
        r"\qquad W = \begin{bmatrix} W_q \\ W_k \end{bmatrix}": of.additive,
        r"s(q, k) = q \cdot (k W)": of.general,
        r"\mathbb E\Big[\Big(\sum_j w_j v_j - v_*\Big)^2\Big] = (1 - w_*)^2 "
        r"+ \sum_{j \ne *} w_j^2": of.error_of_weights,
        r"\frac12 \cdot \frac{n}{n-1} \Big(1 - \frac{1}{n^2 (n-2)^2}\Big),": of.least_error_of_odd_scores,
        r"s(q, k) = \frac{q \cdot k}{\sqrt d}": of.scaled_dot,
        r"\mathbb E[q \cdot k] = 0, \qquad \operatorname{Var}[q \cdot k] = d, "
        r"\qquad \operatorname{sd}[q \cdot k] = \sqrt d .": of.spread_of_dot_products,
        r"J = \frac{\partial w}{\partial s} = \operatorname{diag}(w) - w^\top w": of.jacobian_of_the_softmax,
        r"\frac{u}{1-u} \cdot \frac{u'}{1-u'} = \sum_j a_j \cdot \sum_j \frac1{a_j} "
        r"\ge m^2 .": of.odds_of_mirrored_scenes,
        r"u^2 + u'^2 = S^2 - \frac{2 m^2}{m^2-1}(S - 1) \ge 1 - \frac{1}{(m^2-1)^2},": of.squares_of_mirrored_scenes,
    },
    "04": {
        r"a_{ji} = v \cdot \tanh(s_{j-1} W_q + h_i W_k), \qquad \alpha_{ji} = \frac{e^{a_{ji}}}{\sum_l e^{a_{jl}}}, "
        r"\qquad c_j = \sum_i \alpha_{ji}\, h_i": of.context,
        r"\begin{aligned} r &= \sigma(x W_r + s U_r + b_r) && \text{reset gate}\\ "
        r"z &= \sigma(x W_z + s U_z + b_z) && \text{update gate}\\ "
        r"\tilde s &= \tanh\big(x W_p + b_p + r \odot (s U_p + b_p')\big) && \text{the proposal}\\ "
        r"s' &= (1 - z) \odot \tilde s + z \odot s \end{aligned}": of.gru,
        r"\mathrm{AER} = 1 - \frac{|A \cap S| + |A \cap P|}{|A| + |S|}": of.error_of_an_alignment,
    },
    "05": {
        r"\hat y_t = a \sum_j w_{tj}\, x_j + b, \qquad \sum_j w_{tj} = 1,": of.one_head,
        r"\begin{aligned} &(a\, w_{t,t} - 1)^2 + (a\, w_{t,t-1} + 1)^2 \\ "
        r"&\quad + a^2 \!\!\sum_{j \ne t, t-1}\!\! w_{tj}^2 + b^2 . \end{aligned}": of.error_of_one_head,
        r"\begin{aligned} \text{head}_i &= \operatorname{attend}\big(Q W_i^Q,\, K W_i^K,\, V W_i^V\big), \\ "
        r"\text{output} &= [\text{head}_1; \dots; \text{head}_h]\, W^O \end{aligned}": of.heads_side_by_side,
        r"s(x, y) = (x W^Q) \cdot (y W^K) = x \, \big(W^Q W^{K\top}\big)\, y^\top .": of.bilinear,
    },
    "06": {
        r"\begin{gathered} Q = X W_q, \qquad K = X W_k, \qquad V = X W_v, \\ O = \operatorname{softmax}\Big("
        r"\frac{Q K^\top}{\sqrt d}\Big)\, V. \end{gathered}": of.self_attention,
        r"\operatorname{softmax}\Big(\frac{P Q K^\top P^\top}{\sqrt d}\Big)\, P V = P\, \operatorname{softmax}\Big("
        r"\frac{Q K^\top}{\sqrt d}\Big)\, P^\top P V = P\, O.": of.another_order,
    },
    "07": {
        r"\begin{pmatrix} \sin (p+k)\omega \\ \cos (p+k)\omega \end{pmatrix} = \begin{pmatrix} \cos k\omega & \sin "
        r"k\omega \\ -\sin k\omega & \cos k\omega \end{pmatrix} \begin{pmatrix} \sin p\omega \\ \cos p\omega "
        r"\end{pmatrix}.": of.step_of_a_clock,
        r"PE_p \cdot PE_{p+k} = \sum_i \cos(k\,\omega_i).": of.offset_alone,
        r"s_{ij} = \frac{(R_{p_i} q_i) \cdot (R_{p_j} k_j)}{\sqrt d} = \frac{q_i \cdot (R_{p_j - p_i}\, k_j)}{\sqrt "
        r"d},": of.rotary_positions,
        r"s_{ij} = \frac{q_i \cdot k_j}{\sqrt d} - m_h\, |p_i - p_j|, \qquad m_h = 2^{-8h/H}, \quad h = 1, \dots, "
        r"H.": of.linear_biases,
    },
    "08": {
        r"\begin{aligned} r_l &= r_{l-1} + (k_l - 1)\,\delta_l\, j_{l-1}, \\ "
        r"j_l &= j_{l-1}\,\tau_l, \qquad r_0 = j_0 = 1. \end{aligned}": of.receptive_field,
        r"\begin{aligned} y_i &= x_i + \sigma\, W_o \sum_j w_{ij}\; g(x_j), \\ "
        r"w_i &= \operatorname{softmax}_j\; \theta(x_i) \cdot \phi(x_j). \end{aligned}": of.attention_over_pixels,
    },
    "09": {
        r"x \leftarrow x + f\big(\operatorname{LN}(x)\big), \qquad \operatorname{LN}(x) = \gamma \odot "
        r"\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta": layers.residual_around_a_norm,
        r"\operatorname{FFN}(x) = \max(0,\; x W_1 + b_1)\, W_2 + b_2": layers.two_matrices_and_a_maximum,
    },
    "attention_in_pytorch": {
        r"\operatorname{Var}\Big[\sum_j \tilde w_j\Big] = \frac{p}{1-p} \sum_j w_j^2 .": of.dropped_sums,
    },
}


def test_the_main_formulas_stand_in_the_chapter(path, notebook):
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    shown = [" ".join(formula.split()) for formula in text.split("$$")[1::2]]
    chapter = path.parent.name == "chapters"
    formulas = FORMULAS[path.name[:2] if chapter else path.stem]
    assert len(formulas) >= (2 if chapter else 1)
    for formula in formulas:
        # A number, \tag{3.1}, may be added.
        assert any(found.split(r" \tag")[0] == formula for found in shown), f"not in the chapter as it was: {formula}"


@pytest.mark.parametrize(
    "computed", [pytest.param(f, id=f"{c}: {formula[:40]}") for c in FORMULAS for formula, f in FORMULAS[c].items()]
)
def test_both_sides_of_a_formula_are_equal(computed):
    left, right = computed()
    torch.testing.assert_close(left, right, check_dtype=False, rtol=1e-6, atol=1e-8)
