"""Secrets: the version that is read without saying which is the one with the label AWSCURRENT."""

from __future__ import annotations

from localcloud.aws.account import Account
from tests.aws.world import World


def test_moving_the_label_back_brings_the_old_value_back(world: World, account: Account) -> None:
    client, name = account.client("secretsmanager"), world.name("secret")
    old = client.create_secret(Name=name, SecretString="old")["VersionId"]
    new = client.put_secret_value(SecretId=name, SecretString="new")["VersionId"]
    assert client.get_secret_value(SecretId=name)["SecretString"] == "new"
    client.update_secret_version_stage(
        SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=old, RemoveFromVersionId=new
    )
    found = client.get_secret_value(SecretId=name)
    assert (found["SecretString"], found["VersionId"]) == ("old", old)
    assert client.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")["SecretString"] == "new"
