"""The data of the course. Nothing is downloaded at import."""
