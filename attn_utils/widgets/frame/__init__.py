"""The frame that all demos stand in: the base class in demo.py, and the modules that every front end imports from."""
