"""Docker images: pull or make the base, then build each Dockerfile on it."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness import images
from harness.errors import NotAvailable, SandboxError

SUITE = "bookworm"
OFFICIAL = f"debian:{SUITE}-slim"
BASE = f"backend-harness/base:{SUITE}"
EXCLUDED = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")


def connect() -> Any:
    """Return a docker client of a daemon that answers. Raises NotAvailable with the remedy."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=120, max_pool_size=64)
        client.ping()
    except DockerException as error:
        raise NotAvailable(
            f"no Docker daemon answers ({error}). Start one (`dockerd`, or `systemctl start docker`), "
            "or use --sandbox bubblewrap."
        ) from error
    return client


def tag(name: str) -> str:
    """The content-addressed tag of an image."""
    return f"backend-harness/{name}:{images.digest(name)}"


def image_id(client: Any, name: str) -> str | None:
    """Return the id (sha256:...) of a built image, or None."""
    from docker.errors import ImageNotFound

    try:
        return str(client.images.get(tag(name)).id)
    except ImageNotFound:
        return None


def status() -> list[images.Status]:
    """One line for each image; empty when no daemon answers."""
    try:
        client = connect()
    except NotAvailable:
        return []
    return [images.Status(n, "docker", tag(n), image_id(client, n) is not None) for n in images.NAMES]


def build(names: Iterable[str], say: images.Say) -> None:
    """Build the named images that are missing."""
    client = connect()
    missing = [n for n in dict.fromkeys(names) if image_id(client, n) is None]
    if missing:
        ensure_base(client, say)
    for name in missing:
        say(f"image {name}: building {tag(name)}")
        _build_one(client, name)
        say(f"image {name}: ready")


def ensure_base(client: Any, say: images.Say) -> None:
    """Tag a Debian base: the official image where a registry answers, else one made from Debian's packages."""
    from docker.errors import DockerException, ImageNotFound

    try:
        client.images.get(BASE)
        return
    except ImageNotFound:
        say(f"image base: asking the registry for {OFFICIAL}")
    try:
        client.images.pull(OFFICIAL).tag(BASE)
        say("image base: pulled")
    except DockerException as error:
        say(f"image base: no registry ({str(error)[:80]}); making it from Debian packages")
        _bootstrap(client, say)


def _bootstrap(client: Any, say: images.Say) -> None:
    """Make the base with debootstrap and import it. Needs root and debootstrap."""
    tool = shutil.which("debootstrap")
    if tool is None or os.geteuid() != 0:
        raise NotAvailable(
            "no registry answers, and the base image cannot be made here: that needs root and debootstrap "
            "(`apt-get install debootstrap`). Or load an image and tag it " + BASE + "."
        )
    with tempfile.TemporaryDirectory(prefix="harness-base-") as folder:
        root = Path(folder) / "root"
        _run([tool, "--variant=minbase", "--include=ca-certificates", SUITE, str(root)])
        say("image base: importing")
        archive = Path(folder) / "base.tar"
        _run(["tar", "-C", str(root), *(f"--exclude=./{e}/*" for e in EXCLUDED), "-cf", str(archive), "."])
        repository, label = BASE.split(":")
        client.api.import_image_from_file(
            str(archive), repository, label, changes=['ENV PATH="/usr/sbin:/usr/bin:/sbin:/bin"']
        )


def _run(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise SandboxError(f"`{' '.join(argv)}` failed with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")


def _build_one(client: Any, name: str) -> None:
    """Build through the API's classic builder, which every engine since 20.10 has."""
    from docker.errors import DockerException

    output: list[str] = []
    try:
        stream = client.api.build(
            fileobj=context(name), custom_context=True, tag=tag(name), rm=True, forcerm=True, decode=True,
            buildargs={"BASE": BASE}, labels={"backend-harness.image": name}, timeout=3600,
        )  # fmt: skip
        for line in stream:
            output.append(str(line.get("stream", "")))
            if "error" in line:
                raise SandboxError(f"image {name} does not build: {line['error']}\n{''.join(output)[-3000:]}")
    except DockerException as error:
        raise SandboxError(f"image {name} does not build: {error}") from error


def context(name: str) -> io.BytesIO:
    """Return the build context as a tar: the image's sources and the host's CA bundle."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for inside, path in images.sources(name):
            archive.add(path, inside, recursive=False)
        archive.add(ca_bundle(), "ca-bundle.crt", recursive=False, filter=_plain)
    buffer.seek(0)
    return buffer


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.type, member.linkname = tarfile.REGTYPE, ""
    return member


def ca_bundle() -> Path:
    """The host's certificate bundle, so that a build behind a TLS-inspecting proxy trusts what the host trusts."""
    named = [os.environ.get(v, "") for v in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")]
    usual = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"]
    for path in [*named, *usual]:
        if path and Path(path).is_file():
            return Path(path).resolve()
    import certifi

    return Path(certifi.where())
