"""The components in programs of other projects and languages, run as those would run them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.llm_gateway import LlmGateway
from tests.live.cloud import ROOT, Cloud, chat, http

DRIVE = Path(__file__).with_name("drive.js")


@pytest.mark.timeout(1200)  # a LiteLLM of its own, on a machine that may be busy
def test_a_program_in_javascript_has_a_gateway_that_serves(cloud: Cloud, elsewhere: Path, node_modules: Path) -> None:
    cloud.env["NODE_PATH"] = str(node_modules)
    folder = str(elsewhere / "javascript")
    outputs = json.loads(cloud.localcloud("run", "--", "node", str(DRIVE), folder, "up").stdout.splitlines()[-1])
    [distribution] = cloud.status()["distributions"]
    here = distribution["hosts"][outputs["gatewayUrl"]]
    secret = cloud.client("secretsmanager").get_secret_value(SecretId=outputs["masterKeySecretArn"])
    answer = chat(here, secret["SecretString"])
    assert answer.status == 200, answer.text
    assert http("GET", here + "/user/list", secret["SecretString"]).status == 403
    cloud.localcloud("run", "--", "node", str(DRIVE), folder, "destroy")
    assert not cloud.client("ecs").list_clusters()["clusterArns"]


@pytest.mark.timeout(600)
def test_wrong_arguments_are_a_sentence_each_before_anything_is_created(
    cloud: Cloud, elsewhere: Path, node_modules: Path
) -> None:
    cloud.env["NODE_PATH"] = str(node_modules)
    program = elsewhere / "javascript" / "index.js"
    program.write_text(program.read_text().replace('database: "none"', 'database: "nothing", egress: "nat-gateway"'))
    done = cloud.localcloud("run", "--", "node", str(DRIVE), str(program.parent), "up", check=False)
    assert done.returncode
    assert "The configuration has 2 mistakes; nothing was changed." in done.stderr
    assert "LlmGateway tools-llm: database is 'nothing'; it must be" in done.stderr
    assert "LlmGateway tools-llm: egress is 'nat-gateway'; it must be" in done.stderr
    assert not cloud.client("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["false"]}])["Vpcs"]


@pytest.mark.timeout(600)
def test_a_program_in_python_has_a_gateway_with_users_and_keys(cloud: Cloud, elsewhere: Path) -> None:
    folder = elsewhere / "python"
    pulumi = ["run", "--", "pulumi", "--non-interactive", "--cwd", str(folder)]
    cloud.localcloud(*pulumi, "stack", "init", "dev")
    cloud.localcloud(*pulumi, "config", "set", "aws:region", "us-west-1")
    done = cloud.localcloud(*pulumi, "preview", "--stack", "dev", "--json")
    planned = {step["urn"].rpartition("::")[2]: step["urn"] for step in json.loads(done.stdout)["steps"]}
    assert "llm-gateway:index:LlmGateway$llm-gateway:gateway:Gateway" in planned["platform-llm-gateway-service"]
    assert {"llm-address", "access-user-lead@example.com", "access-key-platform"} <= planned.keys()


def test_the_project_installs_as_a_python_package_with_all_that_it_needs(tmp_path: Path) -> None:
    source = tmp_path / "source"  # a build leaves things behind
    for room in ("components", "litellm_admin", "requirements"):
        shutil.copytree(ROOT / room, source / room)
    shutil.copy(ROOT / "pyproject.toml", source)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable, "--no-deps"),
            *("--no-build-isolation", "--no-cache", "--target", str(tmp_path / "site"), str(source)),
        ],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert not done.returncode, done.stderr
    # the guard, the routes and the relay's code are read from files; localcloud and the tests are not part of it
    program = (
        "import components.llm_gateway as l, components.edge_code as e, components.relay as r, components.allow_list;"
        "print(l.__file__, len(e.deny_code()), sorted(p.name for p in r.FOLDER.glob('*.py')))"
    )
    asked = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not asked.returncode, asked.stderr
    assert str(tmp_path) in asked.stdout and "handler.py" in asked.stdout
    assert not (tmp_path / "site" / "localcloud").exists()
    assert (tmp_path / "site" / "components" / "py.typed").exists()


def test_the_package_offers_the_component_with_every_option_described() -> None:
    from pulumi.provider.experimental.component import ComponentProvider

    component = json.loads(ComponentProvider([LlmGateway], "llm-gateway").schema or "")["resources"][
        "llm-gateway:index:LlmGateway"
    ]
    assert component["requiredInputs"] == ["models"]
    inputs = component["inputProperties"]
    assert {"database", "egress", "officeHours", "tasks"} <= inputs.keys() and "ttl" not in inputs
    assert all(one["description"] for one in inputs.values())
    assert set(component["properties"]) == {
        *("gatewayUrl", "adminUrl", "relayFunctionName", "masterKeySecretArn", "adminPolicyArn", "viewerPolicyArn")
    }
