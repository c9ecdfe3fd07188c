"""Merge machine: attention over blocks of keys, merged one after the other."""
