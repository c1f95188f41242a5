"""The model files that this machine has: what each is, how fast it would be, whether it is what came.

Models lie in the data folder's `models`; beside a file that LLM_MODEL names, its folder counts too. They are asked for
by file name, never by a path. Not covered: getting them (`model_files`), loading them (`chat_models`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from app import machine, model_choice, model_files
from app.adapters import base_of, check_adapter, rank_of, read_adapter
from app.chat_template import ChatTemplate
from app.gguf_header import Header, read_header
from app.llm_engine import Engine
from app.machine import Machine, Speed
from app.model_list import AdapterFile, Entry
from app.tuning import Tunings
from storage.errors import FootnoteError, InvalidInput, NotFound


class Shelf:
    """`tunings` knows how fast a model was found to be on this machine."""

    def __init__(
        self,
        folder: Path,
        configured: Path | None = None,
        *,
        make: Callable[[Path], Engine] | None = None,
        tunings: Tunings | None = None,
    ) -> None:
        self.folder = folder
        self._folders = [folder, *([configured.parent] if configured and configured.parent != folder else [])]
        self._make = make
        self._tunings = tunings

    def entries(self) -> list[Entry]:
        """By file name; adapters and other files that are no models are left out."""
        here = machine.look()
        found = [self._entry(path, here) for path in self._paths().values()]
        return [entry for entry in found if entry is not None]

    def adapters(self) -> list[AdapterFile]:
        """The LoRA adapters, by file name, each with the models here that it is made for."""
        kinds = {path: _kind(path) for path in self._paths().values()}
        models = [path for path, kind in kinds.items() if kind == "model"]
        return [_adapter_file(path, models) for path, kind in kinds.items() if kind == "adapter"]

    def path(self, file: str) -> Path:
        """Raises NotFound for what is not in the list."""
        try:
            return self._paths()[file]
        except KeyError as error:
            names = ", ".join(self._paths()) or "none"
            raise NotFound(f"There is no model file {file!r} here. These are: {names}") from error

    def engine(self, path: Path) -> Engine:
        if self._make is None:
            raise InvalidInput("No language model can be loaded here.")
        return self._make(path)

    def check(self, file: str, progress: model_files.Progress = lambda stage, done, total: None) -> str:
        """What was compared, in words. Raises InvalidInput when the file is damaged, cut off or not what was pulled."""
        path = self.path(file)
        check_chat_model(path, read_header(path))
        if model_files.recorded(path):
            model_files.verify(path, progress)
            return "Header, template and SHA-256 are right."
        return "Header and template are right. Its SHA-256 is not known: it was not pulled by Footnote."

    def fits_beside(self, path: Path) -> bool:
        return machine.fits_beside(machine.look(), path.stat().st_size)

    def choose(self, path: Path | None) -> None:
        """Remember it for the next start; None: that no model is to answer."""
        model_choice.choose(self.folder, path)

    def _paths(self) -> dict[str, Path]:
        return {path.name: path for folder in reversed(self._folders) for path in sorted(folder.glob("*.gguf"))}

    def _entry(self, path: Path, here: Machine) -> Entry | None:
        size = path.stat().st_size if path.exists() else 0
        try:
            header = read_header(path)
            if header.kind != "model":
                return None
            check_chat_model(path, header)
        except FootnoteError as error:
            return Entry(path.name, size, problem=str(error))
        parameters = header.parameters / 1e9
        speed = self._speed(path) or machine.estimated(here, parameters=max(parameters, 1e-3), size=max(1, size))
        record = model_files.recorded(path)
        return Entry(
            path.name,
            size,
            architecture=header.architecture,
            parameters=parameters,
            quantization=header.quantization,
            context=header.context,
            pulled=record.pulled if record else "",
            prompt_speed=speed.prompt,
            answer_speed=speed.answer,
            wait=speed.wait,
            measured=speed.measured,
            fits=machine.fits(here, size),
        )

    def _speed(self, path: Path) -> Speed | None:
        tuning = self._tunings.known(path) if self._tunings else None
        return Speed(tuning.pace.reading, tuning.pace.answering, measured=True) if tuning else None


def _kind(path: Path) -> str:
    try:
        return read_header(path).kind
    except FootnoteError:
        return ""


def _adapter_file(path: Path, models: Sequence[Path]) -> AdapterFile:
    size = path.stat().st_size if path.exists() else 0
    try:
        header = read_adapter(path)
    except FootnoteError as error:
        return AdapterFile(path.name, size, problem=str(error))
    found = AdapterFile(path.name, size, architecture=header.architecture, base=base_of(header), rank=rank_of(header))
    fits = tuple(model.name for model in models if _fits(path, model))
    return replace(found, fits=fits)


def _fits(adapter: Path, model: Path) -> bool:
    try:
        check_adapter(adapter, model)
    except FootnoteError:
        return False
    return True


def check_chat_model(path: Path, header: Header) -> None:
    """Raises InvalidInput for an adapter, a file without weights, and a chat template that is none."""
    if header.kind != "model":
        raise InvalidInput(f"{path.name} is no model but a GGUF file of the kind {header.kind!r}.")
    if not header.shapes or not header.architecture:
        raise InvalidInput(f"{path.name} holds no weights. Get the model itself, not its vocabulary alone.")
    if header.template:
        ChatTemplate(header.template)
