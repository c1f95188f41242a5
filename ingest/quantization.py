"""A converted embedding model with its matrix products in eight bits, for processors without bf16.

Run as a process of its own (`python -m ingest.quantization CONVERTED TARGET`), since nncf imports torch. Ranges are
taken from sentences of many kinds; SmoothQuant (Xiao et al. 2023) moves what is hard to round from activations into
weights. A model whose vectors come out too different is refused.
"""

from __future__ import annotations

import itertools
import json
import random
import shutil
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.conversion import Refused

ALIKE = 0.98  # mean cosine to single precision, below which the result is thrown away
_SHOWN = 96  # texts that ranges are taken from
_LENGTHS = (1, 3, 6, 9)  # sentences of such a text: questions are short, passages long
_SENTENCES = """\
Unused vacation days can be carried over until 31 March of the following year.
The pump P-200 delivers 12.5 l/min at 3 bar; its seal has to be changed every 4,000 hours.
Net revenue rose by 8 % to $4,812 million, while operating expenses fell slightly.
Who may approve a purchase of more than 5,000 euros?
Überstunden werden mit 25 % vergütet, sofern sie vorher angeordnet wurden.
Where is the key to the server room kept?
Total assets | 1,204.3 | 1,187.9 | 1,150.2
Either party may end this agreement in writing with three months' notice.
Press and hold the green button for five seconds until the display shows READY.
Dear all, the canteen stays closed on Friday because of the works in the kitchen.
How much does a replacement filter cost, and how long does delivery take?
La garantie couvre les pièces et la main-d'œuvre pendant vingt-quatre mois.
Employees who fall ill abroad send the certificate to the personnel department by e-mail.
SELECT name, total FROM orders WHERE shipped IS NULL ORDER BY total DESC;
The board met on 14 May 2023 in Lyon and elected Ms Okafor as its chair.
Warning: never open the valve while the tank is under pressure.
See section 4.2 (b) and annex C for the limits that apply to imported goods.
Das Protokoll der Sitzung vom 3. Juli liegt im Ordner „Vorstand“.
Average temperature 21.4 °C, humidity 48 %, no rain.
error 0x80070005: access denied while writing C:/logs/app.log
What is the difference between the standard and the extended warranty?
El pedido mínimo es de cincuenta unidades por referencia.
Earnings per share, diluted: 3.17 (2022: 2.95).
The museum was founded in 1887 by two brothers who had made their fortune with tin.
""".splitlines()


def texts() -> list[str]:
    """The same ones each time."""
    draw = random.Random(0)  # noqa: S311 - not for secrets
    lengths = itertools.islice(itertools.cycle(_LENGTHS), _SHOWN)
    return [" ".join(draw.sample(_SENTENCES, length)) for length in lengths]


def quantize(converted: Path, target: Path) -> None:
    """Write the model in `converted` with eight bits, and all that belongs to it, into `target`. Raises Refused."""
    from ingest.openvino_model import OpenVinoEmbedder, openvino

    ov = openvino()
    import nncf

    exact = OpenVinoEmbedder("exact", converted, precision="f32")
    model = ov.Core().read_model(converted / "model.xml")
    shown = nncf.Dataset([exact.inputs(text) for text in texts()])
    made = nncf.quantize(model, shown, model_type=nncf.ModelType.TRANSFORMER, subset_size=_SHOWN)
    for name in ("definition.json", "tokenizer.json", "measured.json"):
        shutil.copyfile(converted / name, target / name)
    ov.save_model(made, target / "model.xml", compress_to_fp16=False)
    likeness = _likeness(exact, OpenVinoEmbedder("quantized", target, precision="int8"))
    if not likeness >= ALIKE:
        raise Refused(f"its vectors differ too much with eight bits (mean cosine {likeness:.3f})")


def _likeness(exact: Any, other: Any) -> float:
    draw = random.Random(1)  # noqa: S311
    unseen = [" ".join(draw.sample(_SENTENCES, 4)) for _ in range(24)]
    one: NDArray[np.float32] = exact.embed_raw(unseen)
    return float((one * other.embed_raw(unseen)).sum(axis=1).mean())


def main() -> None:
    """The reason of a refusal goes to standard output; whatever else fails ends with a traceback."""
    converted, target = map(Path, sys.argv[1:])
    try:
        with redirect_stdout(sys.stderr):  # nncf draws its progress there
            quantize(converted, target)
    except Refused as refusal:
        sys.stdout.write(json.dumps({"refused": str(refusal)}) + "\n")


if __name__ == "__main__":
    main()
