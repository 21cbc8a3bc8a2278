"""The Pulumi engine: found on PATH, else installed by Pulumi's own installer, else built from its Go module.

`provide.py` decides, `found.py`, `official.py` and `build.py` do, `record.py` remembers what was decided,
`launchers.py` writes the small scripts that stand beside an engine that came without them, `language_host.py` is one
of them.
"""
