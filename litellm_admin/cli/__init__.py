"""The command line. Modules are imported when a command needs them, so that each starts at once."""
