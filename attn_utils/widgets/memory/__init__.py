"""Memory: how many bytes the keys and values of a conversation take."""
