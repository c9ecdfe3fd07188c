"""What published language models keep of a token: layers, heads, sizes, and where the numbers are from.

Counts of parameters that a paper gives rounded are rounded here; the others follow from the published configuration
(``config.json``), the biases, norms and embeddings included.
"""

from __future__ import annotations

from typing import Any

__all__ = ["FIELDS", "MODELS"]

#: ``latent`` are the numbers of a token and layer that stand for its keys and values together (0: there are none),
#: ``window`` how many tokens a layer looks back (0: all), ``context`` the longest sequence of the training (0: not
#: fixed).
FIELDS = ("name", "layers", "heads", "kv_heads", "head_size", "latent", "window", "context", "parameters", "source")

MODELS: list[dict[str, Any]] = [
    dict(zip(FIELDS, row, strict=True))
    for row in (
        # Table 3, "base"; the decoder's self-attention. The weights are those of encoder and decoder.
        ("Transformer base", 6, 8, 8, 64, 0, 0, 0, 65_000_000, "Vaswani et al. (2017), arXiv:1706.03762, table 3"),
        # config.json of gpt2-xl: n_layer 48, n_head 25, n_embd 1600, n_positions 1024, vocab_size 50257.
        ("GPT-2 XL", 48, 25, 25, 64, 0, 0, 1024, 1_557_611_200, "Radford et al. (2019), config.json of gpt2-xl"),
        # Table 2.1; all models have a context of 2048.
        (
            "GPT-3 175B", 96, 96, 96, 128, 0, 0, 2048, 175_000_000_000,
            "Brown et al. (2020), arXiv:2005.14165, table 2.1",
        ),
        # config.json: hidden_size 4096, intermediate_size 11008, vocab_size 32000, max_position_embeddings 4096.
        (
            "Llama 2 7B", 32, 32, 32, 128, 0, 0, 4096, 6_738_415_616,
            "Touvron et al. (2023), arXiv:2307.09288, config.json of Llama-2-7b-hf",
        ),
        # config.json: hidden_size 8192, intermediate_size 28672, num_attention_heads 64, num_key_value_heads 8.
        (
            "Llama 2 70B", 80, 64, 8, 128, 0, 0, 4096, 68_976_648_192,
            "Touvron et al. (2023), arXiv:2307.09288, config.json of Llama-2-70b-hf",
        ),
        # config.json: hidden_size 4096, intermediate_size 14336, vocab_size 128256, max_position_embeddings 131072.
        (
            "Llama 3.1 8B", 32, 32, 8, 128, 0, 0, 131_072, 8_030_261_248,
            "Grattafiori et al. (2024), arXiv:2407.21783, config.json of Llama-3.1-8B",
        ),
        # Table 1: window_size 4096, context_len 8192, hidden_dim 14336, vocab_size 32000.
        (
            "Mistral 7B", 32, 32, 8, 128, 0, 4096, 8192, 7_241_732_096,
            "Jiang et al. (2023), arXiv:2310.06825, table 1",
        ),
        # config.json: num_hidden_layers 60, num_attention_heads 128, kv_lora_rank 512, qk_rope_head_dim 64.
        (
            "DeepSeek-V2", 60, 128, 128, 128, 512 + 64, 0, 131_072, 236_000_000_000,
            "DeepSeek-AI (2024), arXiv:2405.04434, config.json of DeepSeek-V2",
        ),
    )
]  # fmt: skip
