"""Transformer explorer: the class in widget.py, what the browser draws in view.js."""
