"""Operations: set-up of a clone, the Pulumi engine, and driving a stack through Pulumi's Automation API.

Nothing here knows the local cloud, and the local cloud doesn't know this. `ops.setup`, `ops.paths` and all of
`ops.engine` but the language host import only the standard library: they run before the virtual environment exists.
"""
