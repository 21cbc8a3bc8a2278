"""ACM: moto keeps certificates and calls each issued after a minute. Here one is issued when its DNS records are there,
and whoever uses it must be allowed to.

https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

if TYPE_CHECKING:
    from localcloud.aws.cloudfront.state import State as CloudFront

SERVICE = "acm"
EDGE_REGION = "us-east-1"
_ISSUED, _PENDING = "ISSUED", "PENDING_VALIDATION"


def register(rules: Rules, account: Account, cloudfront: CloudFront) -> None:
    """``cloudfront``: its distributions keep a certificate from being deleted."""

    @rules.check(SERVICE, "RequestCertificate")
    def by_dns(call: Call) -> None:
        if call.params.get("ValidationMethod", "EMAIL") != "DNS":
            raise Refusal("ValidationException", "The simulated ACM reads no mail: ValidationMethod must be DNS.")

    @rules.check(SERVICE, "DescribeCertificate", "ListCertificates", "DeleteCertificate")
    def validated(call: Call) -> None:
        for certificate in _all(account, call.region):
            _validate(account, certificate)

    @rules.check(SERVICE, "DeleteCertificate")
    def unused(call: Call) -> None:
        arn = call.params["CertificateArn"]
        users = [*_listeners(account, arn), *(d.id for d in cloudfront.distributions.values() if arn in str(d.config))]
        if users:
            raise Refusal("ResourceInUseException", f"Certificate {arn} is in use by {', '.join(users)}.")

    @rules.check("elbv2", "CreateListener", "ModifyListener")
    def of_a_listener(call: Call) -> None:
        for entry in call.params.get("Certificates") or []:
            arn = entry["CertificateArn"]
            if f":acm:{account.region}:" not in arn:
                raise Refusal("CertificateNotFound", f"Certificate '{arn}' is not in {account.region}.")
            _usable(account, arn, "UnsupportedCertificate")

    @rules.check("cloudfront", "CreateDistribution", "UpdateDistribution")
    def of_a_distribution(call: Call) -> None:
        config = call.params["DistributionConfig"]
        _of_distribution(account, config)

    @rules.check("cloudfront", "CreateDistributionWithTags")
    def of_a_tagged_distribution(call: Call) -> None:
        _of_distribution(account, call.params["DistributionConfigWithTags"]["DistributionConfig"])


def names(account: Account, arn: str) -> tuple[str, ...]:
    """The domain names of a certificate; none when there is no such certificate. Takes moto's lock for granted."""
    certificate = _find(account, arn)
    return tuple(dict.fromkeys([certificate.common_name, *certificate.sans])) if certificate else ()


def covers(pattern: str, name: str) -> bool:
    """Whether a certificate for `pattern`, which may begin with `*.`, is one for `name`."""
    if pattern.startswith("*."):
        return name.partition(".")[2].lower() == pattern[2:].lower()
    return pattern.lower() == name.lower()


def _of_distribution(account: Account, config: dict[str, Any]) -> None:
    arn = (config.get("ViewerCertificate") or {}).get("ACMCertificateArn")
    if not arn or f":acm:{EDGE_REGION}:" not in arn:
        return  # CloudFront's own rules say so
    _usable(account, arn, "InvalidViewerCertificate")
    for alias in (config.get("Aliases") or {}).get("Items") or []:
        if not any(covers(name, alias) for name in names(account, arn)):
            raise Refusal(
                "InvalidViewerCertificate",
                f"The certificate {arn} is for {', '.join(names(account, arn))}, not for {alias}.",
            )


def _usable(account: Account, arn: str, code: str) -> None:
    certificate = _find(account, arn)
    if certificate is None:
        raise Refusal("CertificateNotFound" if code == "UnsupportedCertificate" else code, f"There is no {arn}.")
    _validate(account, certificate)
    if certificate.status != _ISSUED:
        raise Refusal(code, f"The certificate {arn} must have been issued; it is {certificate.status}.")


def _validate(account: Account, certificate: Any) -> None:
    """Issued once every name's record is in a hosted zone."""
    if certificate.type != "AMAZON_ISSUED" or certificate.status != _PENDING:
        return
    wanted = certificate.describe()["Certificate"]["DomainValidationOptions"]
    found = _records(account)
    if all(
        option["ResourceRecord"]["Value"].rstrip(".")
        in found.get(option["ResourceRecord"]["Name"].lower().rstrip("."), "")
        for option in wanted
    ):
        certificate.status = _ISSUED
    else:
        # or moto would take it for validated after a minute
        certificate.created_at = certificate.created_at + timedelta(days=1)


def _records(account: Account) -> dict[str, str]:
    zones = backend(account, "route53", "global").zones.values()
    return {
        record.name.lower().rstrip("."): str(record.resource_records)
        for zone in zones
        for record in zone.rrsets
        if record.type == "CNAME"
    }


def _all(account: Account, region: str) -> Iterable[Any]:
    return tuple(backend(account, SERVICE, region)._certificates.values())


def _find(account: Account, arn: str) -> Any | None:
    region = arn.split(":")[3]
    return next((one for one in _all(account, region) if one.arn == arn), None)


def _listeners(account: Account, arn: str) -> Iterable[str]:
    for balancer in backend(account, "elbv2").load_balancers.values():
        for listener in balancer.listeners.values():
            if any(arn in str(entry) for entry in listener.certificates or []):
                yield listener.arn
