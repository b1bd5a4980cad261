"""Who is who in the cluster: certificates of the programs, and the kubeconfigs that name them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path

import trustme
import yaml

from tests.authorities import chain_of, key_of


@dataclass(frozen=True)
class Access:
    """The authority of a cluster, with its files in a folder."""

    folder: Path
    port: int
    """Of the API server."""
    authority: trustme.CA = field(default_factory=trustme.CA)

    @property
    def ca(self) -> Path:
        """The authority's certificate."""
        path = self.folder / "ca.pem"
        path.write_bytes(self.authority.cert_pem.bytes())
        return path

    def certificate(self, *names: str, user: str = "", group: str = "") -> tuple[Path, Path]:
        """A new certificate and its key, for servers with these names or for a client."""
        name = user.replace(":", "-") or names[0]
        issued = self.authority.issue_cert(
            *(names or (f"{name}.test",)),
            common_name=user or None,
            organization_name=group or None,
        )
        certificate, key = (self.folder / f"{name}.{end}" for end in ("crt", "key"))
        certificate.write_bytes(chain_of(issued))
        key.write_bytes(key_of(issued))
        return certificate, key

    def kubeconfig(self, user: str, group: str = "") -> Path:
        """The file by which a program is `user` of `group`."""
        certificate, key = self.certificate(user=user, group=group)
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "test",
                    "cluster": {
                        "server": f"https://127.0.0.1:{self.port}",
                        "certificate-authority": str(self.ca),
                    },
                }
            ],
            "users": [
                {
                    "name": user,
                    "user": {"client-certificate": str(certificate), "client-key": str(key)},
                }
            ],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
            "current-context": "test",
        }
        path = certificate.with_suffix(".yaml")
        path.write_text(yaml.safe_dump(config))
        return path

    def context(self, user: str, group: str) -> ssl.SSLContext:
        """The same for Python."""
        context = ssl.create_default_context(cafile=self.ca)
        context.load_cert_chain(*self.certificate(user=user, group=group))
        return context
