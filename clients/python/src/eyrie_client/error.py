"""Calls that failed."""

import json
from typing import Any

import httpx


class EyrieError(Exception):
    """A call that failed: as the service says why, or with the code ``network`` where it could not be reached."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        status: int = 0,
        detail: str = "",
        request_id: str = "",
        retry_after: float = 0.0,
        problem: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        """Stable: one of the contract's codes, ``network``, or empty where something in between answered."""
        self.status = status
        """The HTTP status, 0 without an answer."""
        self.detail = detail
        """A sentence for people."""
        self.request_id = request_id
        """Under which the service's log has the request."""
        self.retry_after = retry_after
        """When to come back, in seconds; 0 where the service does not say."""
        self.problem = problem or {}
        """The whole problem document."""

    @classmethod
    def of(cls, response: httpx.Response) -> "EyrieError":
        """What an answer says that is no success."""
        try:
            problem = response.json()
        except (json.JSONDecodeError, UnicodeDecodeError):
            problem = {}
        if not isinstance(problem, dict):
            problem = {}
        detail = str(problem.get("detail", ""))
        after = response.headers.get("retry-after", "")
        return cls(
            detail or problem.get("title") or f"the service answered with status {response.status_code}",
            code=problem.get("code", ""),
            status=response.status_code,
            detail=detail,
            request_id=problem.get("request_id") or response.headers.get("x-request-id", ""),
            retry_after=float(after) if after.isdigit() else 0.0,
            problem=problem,
        )
