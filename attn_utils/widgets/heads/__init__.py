"""Heads: the class in widget.py, heads made by hand in by_hand.py, what the browser draws in view.js."""
