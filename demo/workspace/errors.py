"""The one way a request to the workspace is refused: with Slack's own error code."""

from demo.workspace import Json

COMMON_ERRORS = frozenset({
    "access_denied", "accesslimited", "account_inactive", "deprecated_endpoint", "ekm_access_denied",
    "enterprise_is_restricted", "fatal_error", "internal_error", "invalid_arg_name", "invalid_arguments",
    "invalid_array_arg", "invalid_auth", "invalid_charset", "invalid_form_data", "invalid_json", "invalid_post_type",
    "json_not_object", "method_deprecated", "missing_post_type", "missing_scope", "no_permission",
    "not_allowed_token_type", "not_authed", "org_login_required", "ratelimited", "request_timeout",
    "service_unavailable", "team_access_not_granted", "team_added_to_org", "token_expired", "token_revoked",
    "two_factor_setup_required", "unknown_method",
})  # fmt: skip
"""Errors that any method may answer; every other one must be in the method's own list."""


class SlackError(Exception):
    """A refusal as Slack words it: `error`, and beside it `needed`, `provided`, `response_metadata`..."""

    def __init__(self, code: str, **beside: object) -> None:
        super().__init__(code)
        self.code = code
        self.beside = beside

    def answer(self) -> Json:
        return {"ok": False, "error": self.code, **self.beside}


def explained(code: str, messages: list[str]) -> SlackError:
    """A refusal with sentences, where Slack puts them."""
    return SlackError(code, response_metadata={"messages": [f"[ERROR] {message}" for message in messages]})
