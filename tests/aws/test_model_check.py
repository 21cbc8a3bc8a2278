"""What a model forbids is found, named by its path; secrets stay out of the sentences."""

from __future__ import annotations

import botocore.session
import pytest
from botocore.model import DenormalizedStructureBuilder

from localcloud.aws.model_check import findings

SHAPE = (
    DenormalizedStructureBuilder()
    .with_members(
        {
            "Kind": {"type": "string", "enum": ["a", "b"]},
            "Name": {"type": "string", "pattern": "[a-z]+", "max": 4},
            "Secret": {"type": "string", "pattern": "[a-z]+", "sensitive": True},
            "Count": {"type": "integer", "min": 1, "max": 3},
            "List": {
                "type": "structure",
                "members": {
                    "Quantity": {"type": "integer"},
                    "Items": {"type": "list", "member": {"type": "string", "enum": ["x"]}},
                },
            },
            "Map": {"type": "map", "key": {"type": "string"}, "value": {"type": "integer", "max": 1}},
        }
    )
    .build_model()
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Kind": "a", "Name": "abc", "Count": 2, "List": {"Quantity": 1, "Items": ["x"]}, "Map": {"k": 1}}, []),
        ({"Kind": "c"}, ["Kind is 'c', which is none of a, b."]),
        ({"Name": "ABC"}, ["Name is 'ABC', which does not match [a-z]+."]),
        ({"Name": "abcde"}, ["Name must have a length of at most 4."]),
        ({"Secret": "P4SSWORD"}, ["Secret is a secret, which does not match [a-z]+."]),
        ({"Count": 0}, ["Count must be at least 1."]),
        ({"Count": 4}, ["Count must be at most 3."]),
        ({"List": {"Quantity": 2, "Items": ["y"]}}, [
            "List.Items[0] is 'y', which is none of x.",
            "List.Quantity says 2, and Items has 1.",
        ]),
        ({"Map": {"k": 2}}, ["Map['k'] must be at most 1."]),
    ],
)  # fmt: skip
def test_findings(value: dict, expected: list[str]) -> None:
    assert [sentence for _, _, sentence in findings(SHAPE, value)] == expected


def test_what_is_required_is_missed() -> None:
    shape = (
        botocore.session.get_session().get_service_model("cloudfront").operation_model("CreateVpcOrigin").input_shape
    )
    sentences = [sentence for _, _, sentence in findings(shape, {"VpcOriginEndpointConfig": {"Name": "n"}})]
    assert "The parameter VpcOriginEndpointConfig.Arn is required." in sentences
