"""What all tests share."""

# The rules that they keep to, what they have counted, and the real LiteLLM, one for all rooms that ask for it.
pytest_plugins = ("tests.rules", "tests.counts", "tests.litellm_server")
