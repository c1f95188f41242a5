"""Which LoRA adapter an answer is written with, and who says so.

An adapter is chosen for the documents of a group of readers, or of a source. An answer is written with it when more
than half of the passages that it is given are such documents'; otherwise by the model alone. Both are asked for each
answer, so that a choice needs no restart. Not covered: adapter files (`adapters`), keeping choices
(`storage.adapter_uses`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from app.model_list import AdapterFile
from app.models_client import ModelsClient
from storage.adapter_uses import AdapterUse, AdapterUses
from storage.belonging import Belonging
from storage.errors import Forbidden, InvalidInput, NotFound
from storage.types import Passage, Principal


class AdapterChoice:
    """Called with the passages of an answer, names the adapter file that it is to be written with, or ""."""

    def __init__(self, uses: AdapterUses, belonging: Belonging) -> None:
        self._uses, self._belonging = uses, belonging

    def __call__(self, passages: Sequence[Passage]) -> str:
        uses = self._uses.current() if passages else {}
        if not uses:
            return ""
        known = self._belonging.of({passage.document_id for passage in passages})
        counts: Counter[str] = Counter()
        for passage in passages:
            homes = known.get(passage.document_id, frozenset())
            counts.update({uses[home] for home in homes if home in uses})
        name, count = counts.most_common(1)[0] if counts else ("", 0)
        return name if 2 * count > len(passages) else ""


class Adapters:
    """What admins see and choose of it; every method raises Forbidden for anybody else."""

    def __init__(self, models: ModelsClient, uses: AdapterUses) -> None:
        self._models, self._uses = models, uses

    def files(self, principal: Principal) -> list[AdapterFile]:
        """Those in the models folder. Raises as `ModelsClient.all` does."""
        return self._models.all(principal).adapters

    def uses(self, principal: Principal) -> list[AdapterUse]:
        return self._uses.find(principal)

    def choose(self, of: str, whose: str, file: str | None, principal: Principal) -> None:
        """As `AdapterUses.choose`; None takes the choice back, whatever runs.

        Raises NotFound for a file that is not there, InvalidInput for one that is no adapter. It may be for a
        model that does not answer yet.
        """
        if not principal.is_admin:
            raise Forbidden("Only admins choose what adapters are used for.")
        if file is not None:
            _require_usable(file, self.files(principal))
        self._uses.choose(of, whose, file or "", principal)


def _require_usable(file: str, files: Sequence[AdapterFile]) -> None:
    found = next((one for one in files if one.file == file), None)
    if found is None:
        names = ", ".join(one.file for one in files) or "none"
        raise NotFound(f"There is no adapter {file!r} here. These are: {names}")
    if found.problem:
        raise InvalidInput(found.problem)
