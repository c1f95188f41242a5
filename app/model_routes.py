"""The models process's own routes: which model files there are, and changing to another one.

They tell what a machine has, so only the web process and commands, which have the key, may ask. Who among the users may
is decided there.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app import machine
from app.chat_models import ChatModels
from app.gguf_header import read_header
from app.model_shelf import Shelf, check_chat_model
from app.openai_errors import BadRequest
from storage.errors import Conflict


class _Named(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    file: str


class _Chosen(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    file: str | None


class ModelRoutes:
    def __init__(self, shelf: Shelf, models: ChatModels) -> None:
        self._shelf, self._models = shelf, models

    def routes(self) -> list[Route]:
        return [
            Route("/manage/models", self.listed),
            Route("/manage/models/switch", self.switch, methods=["POST"]),
            Route("/manage/models/verify", self.verify, methods=["POST"]),
        ]

    async def listed(self, _: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._listed))

    async def switch(self, request: Request) -> Response:
        try:
            file = _Chosen.model_validate_json(await request.body()).file
        except ValidationError as error:
            raise BadRequest("The request can't be read: {\"file\": a model file's name, or null for none}.") from error
        return JSONResponse(await run_in_threadpool(self._switch, file), status_code=202)

    async def verify(self, request: Request) -> Response:
        file = await _named(request)
        found = await run_in_threadpool(self._shelf.check, file)
        return JSONResponse({"file": file, "found": found})

    def _listed(self) -> dict[str, Any]:
        engine, change = self._models.now.part, self._models.change()
        return {
            "machine": machine.look().described(),
            "folder": str(self._shelf.folder),
            "loaded": f"{engine.name}.gguf" if engine else "",
            "wanted": self._models.now.wanted,
            "reason": self._models.reason(),
            "figures": engine.figures() if engine else {},
            "context": engine.window if engine else 0,
            "change": asdict(change) if change else None,
            "adapters": [asdict(adapter) for adapter in self._shelf.adapters()],
            "models": [asdict(entry) for entry in self._shelf.entries()],
        }

    def _switch(self, file: str | None) -> dict[str, Any]:
        if file is None:
            self._models.take_away()
            self._shelf.choose(None)
            return self._listed()
        path = self._shelf.path(file)
        check_chat_model(path, read_header(path))
        engine = self._models.now.part
        if engine and engine.name == path.stem and not engine.failure:
            raise Conflict(f"{file} answers already.")
        self._models.begin(
            file,
            partial(self._shelf.engine, path),
            beside=self._shelf.fits_beside(path),
            done=partial(self._shelf.choose, path),
        )
        return self._listed()


async def _named(request: Request) -> str:
    try:
        return _Named.model_validate_json(await request.body()).file
    except ValidationError as error:
        raise BadRequest('The request can\'t be read: {"file": the name of a model file}.') from error
