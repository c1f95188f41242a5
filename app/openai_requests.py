"""What the models process can be asked, in the shape of OpenAI's API and Jina's.

Not covered: routes and answers (`llm_server`, `completion`), errors (`openai_errors`).
"""

from __future__ import annotations

import base64
from typing import Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError, field_validator
from starlette.requests import Request

from app.llama import Sampling
from app.openai_errors import BadRequest
from storage.types import Vector

Body = TypeVar("Body", bound=BaseModel)


class Message(BaseModel):
    role: Literal["system", "user", "assistant"]
    content: str

    @field_validator("content", mode="before")
    @classmethod
    def _text(cls, content: object) -> object:
        """OpenAI's clients may send a list of parts; only text can be read here."""
        if isinstance(content, list) and all(isinstance(part, dict) and part.get("type") == "text" for part in content):
            return "".join(str(part.get("text", "")) for part in content)
        return content


class Chat(BaseModel):
    """What is asked for and left undone would be a wrong answer, so it is refused."""

    model: str = ""
    messages: list[Message] = Field(min_length=1)
    stream: bool = False
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    seed: int | None = None
    adapter: str = ""  # our own: a LoRA adapter's name
    sources: int | None = Field(
        None, ge=0, le=1000
    )  # our own: how many may be cited; None: numbers are not held to any
    n: Literal[1, None] = None
    stop: None = None
    tools: None = None
    response_format: None = None

    def sampling(self) -> Sampling:
        asked = {
            "max_tokens": self.max_completion_tokens or self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "seed": self.seed,
            "sources": self.sources,
        }
        return Sampling(**{name: value for name, value in asked.items() if value is not None})  # type: ignore[arg-type]


class Embeddings(BaseModel):
    model: str = ""
    input: str | list[str] = Field(min_length=1)
    input_type: Literal["query", "passage"] = "query"
    encoding_format: Literal["float", "base64"] = "float"
    tokens: bool = False  # our own: of queries, the model's last states of their tokens too

    @property
    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input

    def written(self, vector: Vector) -> str | list[float]:
        """A vector, or rows of them, as the request wants it: base64 is a third as long and takes no time to read."""
        if self.encoding_format == "base64":
            return base64.b64encode(vector.astype("<f4").tobytes()).decode()
        numbers: list[float] = vector.tolist()
        return numbers


class Rerank(BaseModel):
    model: str = ""
    query: str = Field(min_length=1)
    documents: list[str] = Field(min_length=1, max_length=1000)
    top_n: int | None = Field(None, ge=1)
    return_documents: Literal[False] = False  # who asks has them


class Predict(BaseModel):
    """Pairs of a text and a sentence, as TEI takes them."""

    inputs: list[tuple[str, str]] = Field(min_length=1, max_length=200)
    truncate: bool = True


class Text(BaseModel):
    """One text, or several that are only counted."""

    content: str | list[str]


class Beginning(BaseModel):
    """Messages that every prompt begins with."""

    messages: list[Message] = Field(min_length=1)


async def body_of(request: Request, form: type[Body]) -> Body:
    """The request's JSON. Raises BadRequest, which names the first place that can't be read."""
    try:
        return form.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise BadRequest(f"The request can't be read: {place or 'body'}: {first['msg']}.") from error
