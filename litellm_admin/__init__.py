"""LiteLLM's user and key API: models, a pure plan, a client, the ways to reach it and a command line. Knows no Pulumi.

Imports only the standard library; botocore is imported when AWS is first asked, so that a command starts at once.
"""
