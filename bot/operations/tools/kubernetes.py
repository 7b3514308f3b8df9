"""Deployments of a Kubernetes namespace, through the API server: three calls, so no client library."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from bot.domain.actions import Answer, ServiceState, must_be_able, vector_of
from bot.domain.errors import Misconfigured, OperationFailed
from bot.domain.targets import KubernetesReach, Target, Verb

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
MERGE = {"Content-Type": "application/strategic-merge-patch+json"}
TIMEOUT = aiohttp.ClientTimeout(total=30)


@dataclass(frozen=True)
class Cluster:
    """A namespace as its service account may see it. The token is read for each call: the kubelet replaces it."""

    target: Target
    reach: KubernetesReach

    async def do(self, verb: Verb, service: str) -> Answer:
        """`restart` is what `kubectl rollout restart` does: the annotation of the pods' template changes."""
        if verb is Verb.STATUS:
            return Answer(0, (await self.look(service)).told)
        _, path = vector_of(self.target, verb, service)
        stamp = {"metadata": {"annotations": {RESTARTED_AT: datetime.now(UTC).isoformat()}}}
        await self._ask("PATCH", path, {"spec": {"template": stamp}})
        return Answer(0, f"{service} is rolled out anew")

    async def look(self, service: str) -> ServiceState:
        must_be_able(self.target, Verb.STATUS, service)
        found = await self._ask("GET", f"deployments/{service}")
        wanted = found["spec"].get("replicas", 1)
        status = found.get("status", {})
        seen = status.get("observedGeneration", 0) >= found["metadata"].get("generation", 0)
        updated, ready = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
        running = seen and wanted > 0 and updated == ready == wanted == status.get("replicas", 0)
        return ServiceState(running, f"{ready} of {wanted} available, {updated} of this version")

    async def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        url = f"{self.reach.url}/apis/apps/v1/namespaces/{self.reach.namespace}/{path}"
        try:
            token = self.reach.token_file.read_text(encoding="utf-8").strip()
            secure = ssl.create_default_context(cafile=str(self.reach.ca_file))
        except OSError as error:
            raise Misconfigured(f"{error.filename} cannot be read.", hint="Mend TAKUMI_BOT_TARGETS.") from error
        headers = {"Authorization": f"Bearer {token}", **(MERGE if body else {})}
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUT, headers=headers) as session,
                session.request(method, url, json=body, ssl=secure) as response,
            ):
                answer = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise OperationFailed(f"Kubernetes does not answer for {self.target.name}: {error}") from error
        if not response.ok or not isinstance(answer, dict):
            said = answer.get("message", "") if isinstance(answer, dict) else ""
            hint = "The service account needs `get` and `patch` on deployments of the namespace."
            raise OperationFailed(f"Kubernetes said {response.status} to {method} {path}: {said}", hint=hint)
        return answer
