"""What another version of LiteLLM would change, before anyone moves the pin."""
