#!/usr/bin/env python3
"""Checks the Kubernetes manifests against the API's schemas, and what compose.production.yml must keep to.

check.py MANIFESTS: what `kubectl kustomize` made of deploy/kubernetes; where it is missing, the files themselves are checked.
"""

import pathlib
import sys

import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"


def fail(text):
    sys.exit(f"tests/deploy/check.py: {text}")


def manifests(built):
    if built.exists():
        texts = [built.read_text()]
    else:
        texts = [(FOLDER / name).read_text() for name in kustomization()["resources"]]
    texts.append((FOLDER / "secret.example.yaml").read_text())
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def kustomization():
    return yaml.safe_load((FOLDER / "kustomization.yaml").read_text())


def check_manifests(built):
    found = manifests(built)
    for document in found:
        if not built.exists() and document["kind"] == "Deployment":
            # What kustomize adds.
            labels = kustomization()["labels"][0]["pairs"]
            document["spec"]["selector"] = {"matchLabels": labels}
            document["spec"]["template"]["metadata"]["labels"] = labels
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    by_kind = {document["kind"]: document for document in found}
    if sorted(by_kind) != sorted(set(by_kind) & {"ConfigMap", "Deployment", "PersistentVolumeClaim", "Secret", "Service"}):
        fail(f"unexpected kinds: {sorted(by_kind)}")
    pod = by_kind["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    security = container["securityContext"]
    kept = [
        pod["securityContext"]["runAsNonRoot"] is True,
        pod["automountServiceAccountToken"] is False,
        security["readOnlyRootFilesystem"] is True,
        security["allowPrivilegeEscalation"] is False,
        security["capabilities"] == {"drop": ["ALL"]},
        {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container),
        container["readinessProbe"]["httpGet"]["path"] == "/readyz",
    ]
    if not all(kept):
        fail(f"the pod may more than it should, or has no probes: {kept}")
    print(f"Kubernetes {kubernetes_validate.latest_version()}: {len(found)} manifests are valid")


def check_compose():
    compose = yaml.safe_load((ROOT / "compose.production.yml").read_text())
    services = compose["services"]
    published = [name for name, service in services.items() if "ports" in service]
    if published != ["caddy"]:
        fail(f"only Caddy may publish ports, these do: {published}")
    for name, service in services.items():
        if "no-new-privileges:true" not in service.get("security_opt", []):
            fail(f"{name} may gain privileges")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./") and not (ROOT / source).exists():
                fail(f"{name} mounts {source}, which is not there")
        for variable in service.get("environment", {}):
            secret = any(word in variable.upper() for word in ("PASSWORD", "KEY", "DATABASE_URL", "SECRET"))
            if secret and not variable.endswith("_FILE"):
                fail(f"{name} has the secret {variable} in its environment")
    made = (ROOT / "deploy" / "make-secrets").read_text()
    for name in compose["secrets"]:
        if f"make {name} " not in made:
            fail(f"deploy/make-secrets does not make {name}")
    print(f"compose.production.yml: {len(services)} services, of which Caddy alone publishes ports")


if __name__ == "__main__":
    check_manifests(pathlib.Path(sys.argv[1]))
    check_compose()
