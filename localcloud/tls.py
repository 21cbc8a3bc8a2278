"""The certificate authority of one local cloud: what stands in for the public ones that sign AWS's certificates.

Containers trust it beside the public ones, by ``SSL_CERT_FILE``, as soon as something shows a certificate of it.
"""

from __future__ import annotations

import datetime
import ipaddress
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from localcloud.home import write_private

_LIFETIME = datetime.timedelta(days=365)


class Authority:
    """Keeps its key and what it signs below ``folder``. Methods block for milliseconds; safe from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def issue(self, name: str, hosts: Iterable[str]) -> tuple[Path, Path]:
        """A certificate for ``hosts`` and this machine's loopback, and its key. Made once for each ``name``."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        certificate, key_file = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        with self._lock:
            if certificate.exists() and key_file.exists():
                return certificate, key_file
            root, root_key = self._root()
            key = _new_key()
            names: list[x509.GeneralName] = [x509.DNSName(host) for host in dict.fromkeys([*hosts, "localhost"])]
            names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
            built = _builder(f"{name} of the local cloud", root.subject, key.public_key()).add_extension(
                x509.SubjectAlternativeName(names), critical=False
            )
            signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
            built = built.add_extension(signer, critical=False)
            signed = built.sign(root_key, hashes.SHA256())
            write_private(key_file, _pem_of_key(key))
            write_private(certificate, _pem(signed) + _pem(root))
        return certificate, key_file

    def root(self) -> Path:
        """This authority's own certificate alone."""
        with self._lock:
            self._root()
        return self._folder / "authority.crt"

    def trust(self) -> Path | None:
        """The public authorities and this one, for whoever must verify; None while nothing has been signed."""
        bundle = self._folder / "trust.pem"
        return bundle if bundle.exists() else None

    def _root(self):
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        file, key_file = self._folder / "authority.crt", self._folder / "authority.key"
        if file.exists() and key_file.exists():
            key = serialization.load_pem_private_key(key_file.read_bytes(), None)
            assert isinstance(key, ec.EllipticCurvePrivateKey), "made by _new_key"
            return x509.load_pem_x509_certificate(file.read_bytes()), key
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = _new_key()
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "the local cloud's authority")])
        built = _builder("the local cloud's authority", name, key.public_key())
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        built = built.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        built = built.add_extension(_for_signing(), critical=True)
        root = built.sign(key, hashes.SHA256())
        write_private(key_file, _pem_of_key(key))
        write_private(file, _pem(root))
        write_private(self._folder / "trust.pem", _public() + _pem(root))
        return root, key


def _builder(common_name: str, issuer: Any, public_key: Any) -> Any:
    from cryptography import x509

    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name[:64])])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + _LIFETIME)
    )


def _for_signing() -> Any:
    """What strict verification asks of an authority (RFC 5280, section 4.2.1.3)."""
    from cryptography import x509

    names = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    off = dict.fromkeys((*names, "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **off)


def _new_key() -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _pem(certificate: Any) -> str:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _pem_of_key(key: Any) -> str:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _public() -> str:
    """The public authorities, as botocore ships them."""
    import botocore

    return (Path(botocore.__file__).parent / "cacert.pem").read_text() + "\n"
