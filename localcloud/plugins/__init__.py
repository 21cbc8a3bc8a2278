"""Pulumi provider plugins for the local cloud, on the SDK's own provider API (`pulumi.provider.experimental`)."""
