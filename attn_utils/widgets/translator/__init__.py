"""Translator: a small trained Transformer to type to, and to break."""
