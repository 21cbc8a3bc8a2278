"""Bedrock's runtime, with a stand-in for every model: the same API, framing, permissions and errors; canned wisdom."""
