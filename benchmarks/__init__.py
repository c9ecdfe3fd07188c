"""Speed and memory of the library against PyTorch's own functions: ``python -m benchmarks``."""
