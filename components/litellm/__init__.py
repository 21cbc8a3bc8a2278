"""LiteLLM's teams, users and keys as Pulumi resources: `Team`, `User` and `Key` for one each, `Roster` for many as one,
and `KeyRing`, which remembers the generation of each key's value.

The provider classes hold no state and live in importable modules, so they are pickled by reference: the state carries
their name and not their code, and a refresh or destroy runs the code of today. All that a call needs is in the inputs.
"""
