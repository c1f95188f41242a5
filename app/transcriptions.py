"""Speech to text over HTTP, in the shape of OpenAI's API: a WAV file in a form, its text as JSON."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.loading import Loading
from app.openai_errors import BadRequest
from app.voice import MOST_BYTES, MOST_SECONDS, Voice, sound_of
from storage.errors import Busy, InvalidInput

_WAITING = 4  # recordings at a time: who would wait for more is told
_FORM = 64 * 1024  # bytes around the file


class Transcriptions:
    def __init__(self, voice: Loading[Voice]) -> None:
        self._voice = voice
        self._hearing = ThreadPoolExecutor(1, "voice")
        self._waiting = 0

    async def answer(self, request: Request) -> Response:
        voice = self._voice.get()
        data, language = await _recording(request)
        try:
            sound = await asyncio.to_thread(sound_of, data)
        except InvalidInput as error:
            raise BadRequest(str(error)) from error
        if self._waiting >= _WAITING:
            raise Busy("models", "Too many are speaking at once. Try again in a moment.")
        self._waiting += 1
        try:
            hear = asyncio.get_running_loop().run_in_executor(
                self._hearing, lambda: voice.transcribe(sound, language=language)
            )
            return JSONResponse({"text": await hear})
        finally:
            self._waiting -= 1


async def _recording(request: Request) -> tuple[bytes, str]:
    """The file and the language of a form. Raises BadRequest, without reading on, when it is too large."""
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > MOST_BYTES + _FORM:
        raise BadRequest(f"The recording is too large: {MOST_SECONDS} seconds can be spoken at a time.")
    try:
        async with request.form(max_files=1, max_fields=8, max_part_size=_FORM) as form:
            file, language = form.get("file"), str(form.get("language") or "")
            if not isinstance(file, UploadFile):
                raise BadRequest("Send the recording as the field `file` of a form.")
            data = await file.read()
    except HTTPException as error:
        raise BadRequest(f"The form can't be read: {error.detail}") from error
    if language and not (language.isascii() and language.isalpha() and len(language) == 2):
        raise BadRequest('language: two letters, as in "en".')
    return data, language.lower()
