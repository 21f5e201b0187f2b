"""Whisper models of the published sizes that were taught nothing: for memory and speed only, never for words."""

from pathlib import Path
from typing import Final, Literal

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import WhisperForConditionalGeneration

from streams.demo_model.train import SPECIAL_TOKENS, config_of, write_model

Size = Literal["tiny", "base", "large"]
_SHAPES: Final[dict[Size, tuple[int, int, int]]] = {  # width, heads, layers, as OpenAI published them
    "tiny": (384, 6, 4),
    "base": (512, 8, 6),
    "large": (1280, 20, 32),
}
_TOKENS: Final = 51_864  # of Whisper's models for English, whose prompts need no language


def write_sized_model(folder: Path, *, size: Size) -> None:
    """Write a CTranslate2 model of random weights, float16, with a tokenizer that knows letters and made-up words."""
    tokenizer = _tokenizer()
    width, heads, layers = _SHAPES[size]
    torch.manual_seed(0)
    config = config_of(tokenizer, words=_TOKENS, width=width, heads=heads, layers=layers)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = WhisperForConditionalGeneration(config)
    folder.mkdir(parents=True)
    write_model(model.cpu(), tokenizer=tokenizer, folder=folder)


def _tokenizer() -> Tokenizer:
    letters = pre_tokenizers.ByteLevel.alphabet()
    made_up = [f"Ġw{number}" for number in range(_TOKENS - len(letters) - len(SPECIAL_TOKENS))]
    tokenizer = Tokenizer(models.BPE({sign: number for number, sign in enumerate([*letters, *made_up])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer
