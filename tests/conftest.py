"""What all tests share."""

# The rules that they keep to, and the real LiteLLM, one for all rooms that ask for it.
pytest_plugins = ("tests.rules", "tests.litellm_server")
