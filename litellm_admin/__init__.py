"""LiteLLM's user and key API: models, a pure plan, a client and the two ways to reach it. Knows no Pulumi.

Imports only the standard library; boto3 is imported when a relay is first called, so that a command starts at once.
"""
