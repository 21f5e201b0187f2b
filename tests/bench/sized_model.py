"""Whisper models of the published sizes that were taught nothing: for memory and speed only, never for words."""

import json
from pathlib import Path
from typing import Any, Final, Literal

import torch
from ctranslate2.converters.transformers import WhisperLoader
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import WhisperConfig, WhisperForConditionalGeneration

from streams.demo_model.train import MEL_BINS, SPECIAL_TOKENS

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
    end = tokenizer.token_to_id("<|endoftext|>")
    width, heads, layers = _SHAPES[size]
    torch.manual_seed(0)
    config = WhisperConfig(
        vocab_size=_TOKENS,
        num_mel_bins=MEL_BINS,
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=tokenizer.token_to_id("<|startoftranscript|>"),
        suppress_tokens=[],
        begin_suppress_tokens=[],
    )
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = WhisperForConditionalGeneration(config)
    spec = WhisperLoader().get_model_spec(model.cpu())
    spec.register_vocabulary([tokenizer.id_to_token(number) for number in range(_TOKENS)])
    told: Any = spec.config
    told.suppress_ids, told.suppress_ids_begin, told.lang_ids = [], [], []
    told.alignment_heads = [[layers - 1, head] for head in range(heads)]
    spec.validate()
    spec.optimize(quantization="float16")
    folder.mkdir(parents=True)
    spec.save(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"))
    features = {"feature_size": MEL_BINS, "sampling_rate": 16_000, "hop_length": 160, "chunk_length": 30, "n_fft": 400}
    (folder / "preprocessor_config.json").write_text(json.dumps(features), encoding="utf-8")


def _tokenizer() -> Tokenizer:
    letters = pre_tokenizers.ByteLevel.alphabet()
    made_up = [f"Ġw{number}" for number in range(_TOKENS - len(letters) - len(SPECIAL_TOKENS))]
    tokenizer = Tokenizer(models.BPE({sign: number for number, sign in enumerate([*letters, *made_up])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer
