"""Sets up a clone: `make setup`. Standard library only, because it runs before anything is installed.

`steps.py` says what there is to do, `runner.py` does what isn't done yet, several steps at a time, `stamps.py` knows
what is done, `packages.py` installs from PyPI, `processes.py` runs and stops children, `progress.py` tells the reader.
"""
