"""Names and what proves them: Route 53's records, ACM's certificates."""

from __future__ import annotations

from typing import Any

from localcloud.plugins.aws.operation import Operation
from localcloud.plugins.aws.rows import (
    COMPUTED,
    HIDDEN,
    LOCAL,
    REPLACE,
    REQUIRED,
    UNORDERED,
    Call,
    Row,
    Tagging,
    Update,
    Wait,
    exactly_one,
    flag,
    number,
    several,
    text,
    texts,
)


def _bare(name: str) -> str:
    return name.rstrip(".").lower()


async def _found(op: Operation) -> dict[str, Any] | None:
    """The record set as Route 53 has it."""
    name, kind = _bare(str(op.value("name"))), op.value("type")
    said = await op.call(
        "ListResourceRecordSets", HostedZoneId=op.value("zoneId"), StartRecordName=name, StartRecordType=kind
    )
    sets = said["ResourceRecordSets"]
    return next((one for one in sets if _bare(one["Name"]) == name and one["Type"] == kind), None)


async def _read_record(op: Operation) -> dict[str, Any] | None:
    found = await _found(op)
    if found is None:
        return None
    aliases = [
        {
            "Name": _bare(alias["DNSName"]),
            "ZoneId": alias["HostedZoneId"],
            "EvaluateTargetHealth": alias["EvaluateTargetHealth"],
        }
        for alias in filter(None, [found.get("AliasTarget")])
    ]
    return {
        "ZoneId": op.value("zoneId"),
        "Name": _bare(found["Name"]),
        "Type": found["Type"],
        **({"Ttl": found["TTL"]} if "TTL" in found else {}),
        "Records": [one["Value"] for one in found.get("ResourceRecords") or []],
        "Aliases": aliases,
        "Fqdn": _bare(found["Name"]),
    }


def _wanted(op: Operation) -> dict[str, Any]:
    wanted: dict[str, Any] = {"Name": _bare(op.inputs["name"]), "Type": op.inputs["type"]}
    if op.inputs.get("aliases"):
        [alias] = op.inputs["aliases"]
        wanted["AliasTarget"] = {
            "DNSName": alias["name"],
            "HostedZoneId": alias["zoneId"],
            "EvaluateTargetHealth": bool(alias["evaluateTargetHealth"]),
        }
    else:
        wanted["TTL"] = int(op.inputs["ttl"])
        wanted["ResourceRecords"] = [{"Value": value} for value in op.inputs["records"]]
    return wanted


async def _change(op: Operation, action: str, wanted: dict[str, Any]) -> None:
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": wanted}]}
    await op.call("ChangeResourceRecordSets", HostedZoneId=op.value("zoneId"), ChangeBatch=batch)


async def _create(op: Operation) -> None:
    await _change(op, "UPSERT" if op.inputs.get("allowOverwrite") else "CREATE", _wanted(op))


async def _update(op: Operation) -> None:
    await _change(op, "UPSERT", _wanted(op))


async def _delete(op: Operation) -> None:
    found = await _found(op)
    if found is not None:
        await _change(op, "DELETE", found)


RECORD = Row(
    "aws:route53/record:Record",
    "route53",
    inputs={
        # what tells one record from another goes into every change, by hand
        "zoneId": text(REQUIRED | REPLACE | LOCAL),
        "name": text(REQUIRED | REPLACE | LOCAL, same=_bare),
        "type": text(REQUIRED | REPLACE | LOCAL),
        "ttl": number(frm="Ttl"),
        "records": texts(UNORDERED),
        "aliases": several(
            {
                "name": text(REQUIRED, same=_bare),
                "zoneId": text(REQUIRED),
                "evaluateTargetHealth": flag(REQUIRED),
            }
        ),
        "allowOverwrite": flag(LOCAL | HIDDEN),
    },
    outputs={"fqdn": "Fqdn"},
    create=_create,
    id="{zoneId}_{name}_{type}",
    read=_read_record,
    updates=(Update("ttl records aliases", _update, whole=True),),
    delete=_delete,
    gone=("NoSuchHostedZone",),
    identity=("zoneId", "name", "type"),
    check=(exactly_one("records", "aliases"),),
    regional=False,
)


async def _zone_id(op: Operation) -> None:
    op.id = op.id.rpartition("/")[2]


async def _read_zone(op: Operation) -> dict[str, Any]:
    said = await op.call("GetHostedZone", Id=op.id)
    zone = said["HostedZone"]
    return zone | {"Name": _bare(zone["Name"]), "Comment": zone["Config"].get("Comment", ""), "Zone": op.id}


ZONE = Row(
    "aws:route53/zone:Zone",
    "route53",
    inputs={
        "name": text(REQUIRED | REPLACE, same=_bare),
        "comment": text(default="Managed by Pulumi", to="HostedZoneConfig.Comment", frm="Comment"),
    },
    outputs={"arn": "arn:aws:route53:::hostedzone/{id}", "zoneId": "Zone"},
    create=Call("CreateHostedZone", {"CallerReference": "{unique}"}),
    id="HostedZone.Id",
    settle=_zone_id,
    read=_read_zone,
    updates=(Update("comment", Call("UpdateHostedZoneComment", {"Id": "{id}", "Comment": "{comment}"})),),
    delete=Call("DeleteHostedZone", {"Id": "{id}"}),
    gone=("NoSuchHostedZone",),
    busy=("HostedZoneNotEmpty",),
    tags=Tagging(
        Call("ChangeTagsForResource", {"ResourceType": "hostedzone", "ResourceId": "{id}"}),
        Call("ChangeTagsForResource", {"ResourceType": "hostedzone", "ResourceId": "{id}"}),
        Call(
            "ListTagsForResource",
            {"ResourceType": "hostedzone", "ResourceId": "{id}"},
            "ResourceTagSet.Tags",
            into="Tags",
        ),
        member="AddTags",
        keys="RemoveTagKeys",
    ),
    regional=False,
)

_TAGS = Tagging(
    Call("AddTagsToCertificate", {"CertificateArn": "{id}"}),
    Call("RemoveTagsFromCertificate", {"CertificateArn": "{id}"}),
    Call("ListTagsForCertificate", {"CertificateArn": "{id}"}, "Tags", into="Tags"),
    keys="Tags",
)


async def _read_certificate(op: Operation) -> dict[str, Any] | None:
    found = (await op.call("DescribeCertificate", CertificateArn=op.id))["Certificate"]
    options = [
        {
            "domainName": option["DomainName"],
            "resourceRecordName": option["ResourceRecord"]["Name"],
            "resourceRecordType": option["ResourceRecord"]["Type"],
            "resourceRecordValue": option["ResourceRecord"]["Value"],
        }
        for option in found.get("DomainValidationOptions") or []
    ]
    return found | {
        "others": [name for name in found.get("SubjectAlternativeNames") or [] if name != found["DomainName"]],
        "options": options,
    }


CERTIFICATE = Row(
    "aws:acm/certificate:Certificate",
    "acm",
    inputs={
        "domainName": text(REQUIRED | REPLACE),
        "subjectAlternativeNames": texts(UNORDERED | REPLACE | COMPUTED, frm="others"),
        "validationMethod": text(REQUIRED | REPLACE | HIDDEN),
    },
    outputs={"arn": "CertificateArn", "domainValidationOptions": "options"},
    create=Call("RequestCertificate"),
    id="CertificateArn",
    read=_read_certificate,
    delete=Call("DeleteCertificate", {"CertificateArn": "{id}"}),
    gone=("ResourceNotFoundException",),
    busy=("ResourceInUseException",),
    tags=_TAGS,
    regions=("us-east-1",),
)


async def _nothing(op: Operation) -> None:
    """A validation isn't anything of its own: it waits, and leaves nothing behind."""


async def _read_validation(op: Operation) -> dict[str, Any] | None:
    said = (await op.call("DescribeCertificate", CertificateArn=op.value("certificateArn")))["Certificate"]
    return said


VALIDATION = Row(
    "aws:acm/certificateValidation:CertificateValidation",
    "acm",
    inputs={
        "certificateArn": text(REQUIRED | REPLACE | LOCAL),
        "validationRecordFqdns": texts(UNORDERED | REPLACE | LOCAL | HIDDEN),
    },
    create=_nothing,
    id="{certificateArn}",
    read=_read_validation,
    delete=_nothing,
    gone=("ResourceNotFoundException",),
    ready=Wait("Status", ("ISSUED",), ("FAILED", "VALIDATION_TIMED_OUT"), "FailureReason", seconds=120),
    regions=("us-east-1",),
)

ROWS = (ZONE, RECORD, CERTIFICATE, VALIDATION)
