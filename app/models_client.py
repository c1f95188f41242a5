"""What the web process and commands ask of the models process: its model files, and changing to another one.

Only where it is Footnote's own, here or on another host; a server of somebody else's manages its models itself.
"""

from __future__ import annotations

from typing import Any

import httpx
from pydantic import ValidationError

from app import certificates
from app.model_list import Models
from app.settings import Settings
from storage.audit import record
from storage.database import Database
from storage.errors import Conflict, FootnoteError, Forbidden, InvalidInput, NotFound, Unavailable
from storage.types import Principal

_AWAY = "The models process does not answer. Check that it runs, or try again in a moment."
NONE = "The language model runs on a server of its own (LLM_URL), which manages its models itself."


class ModelsClient:
    """For admins; every method asks that first. Makes no connection before."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._url, self._key = settings.own_models_url.removesuffix("/v1"), settings.key()
        self._database = database

    @property
    def there(self) -> bool:
        return bool(self._url)

    def all(self, principal: Principal) -> Models:
        """Raises Forbidden, Unavailable while the process is away, InvalidInput where it is somebody else's."""
        _require_admin(principal)
        return self._models(self._ask("GET", "/manage/models"))

    def switch(self, file: str | None, principal: Principal) -> Models:
        """Begin to change to the model in `file`; None: to none, so that answers quote the documents, at once.

        Raises NotFound, InvalidInput for a file that can't be used, Conflict while another change is under way.
        """
        _require_admin(principal)
        models = self._models(self._ask("POST", "/manage/models/switch", {"file": file}))
        with self._database.write() as session:
            record(session, principal, "switch model", file or "none")
        return models

    def verify(self, file: str, principal: Principal) -> str:
        """Reads the whole file. What was compared, in words; raises InvalidInput when it is not as it should be."""
        _require_admin(principal)
        return str(self._ask("POST", "/manage/models/verify", {"file": file})["found"])

    def _models(self, body: dict[str, Any]) -> Models:
        try:
            return Models.model_validate(body)
        except ValidationError as error:
            raise Unavailable("models", "The models process is of another version than this one.") from error

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        if not self._url:
            raise InvalidInput(NONE)
        try:
            answer = httpx.request(
                method,
                f"{self._url}{path}",
                json=body,
                headers={"Authorization": f"Bearer {self._key}"},
                timeout=httpx.Timeout(1800.0 if path.endswith("verify") else 30.0, connect=5.0),
                trust_env=False,
                verify=certificates.known(),
            )
            told: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable("models", _AWAY) from error
        if answer.status_code >= 400:
            raise _refused(answer.status_code, str(told.get("error", {}).get("message", "no reason given")))
        return told


def _require_admin(principal: Principal) -> None:
    if not principal.is_admin:
        raise Forbidden("Only admins manage language models.")


def _refused(status: int, words: str) -> FootnoteError:
    kinds: dict[int, type[FootnoteError]] = {400: InvalidInput, 404: NotFound, 409: Conflict, 413: InvalidInput}
    return kinds[status](words) if status in kinds else Unavailable("models", words)
