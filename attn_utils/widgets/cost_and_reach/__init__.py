"""Cost and reach: chapter 6's table, as curves and as the path of a signal."""
