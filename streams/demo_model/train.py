# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
"""Makes the demo model again: `python -m streams.demo_model.train` renders, trains, exports and measures."""

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ctranslate2.converters.transformers import WhisperLoader
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn import functional
from transformers import WhisperConfig, WhisperForConditionalGeneration

from streams.demo_model import CLIPS_FOLDER, MODEL_FOLDER, RECIPE_PATH
from streams.demo_model.clips import Clip, write_manifest
from streams.demo_model.corpus import (
    FRAMES_PER_SECOND,
    MEL_BINS,
    RATE,
    SAMPLE_SECONDS,
    Manner,
    Sample,
    log_mel,
    mel_filters,
    other_sentences,
    read_recipe,
    render,
    samples,
    sentences,
    word_classes,
)
from streams.demo_model.espeak import EspeakVoice
from streams.demo_model.evaluate import LINES, word_error_rates
from streams.demo_model.recordings import encode
from streams.whisper import DEMO, SpeechSettings, WhisperTranscriber

STEPS = 2_000
BATCH = 16
WARM_UP_STEPS = 150
PEAK_RATE = 1.5e-3
WIDTH, HEADS, LAYERS = 128, 4, 2
VOCABULARY = 900
WHISPER_POSITIONS = 1_500  # thirty seconds, what WhisperX always hands over
SPECIAL_TOKENS = (  # after the text, in this order; no language and task tokens: the model is not "multilingual"
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nocaptions|>",
    "<|notimestamps|>",
)
_IGNORED = -100  # cross-entropy's mark for "no target here"
_FRAME_LOSS_SHARE = 1.0
_REPORT_EVERY_STEPS = 50


def train_tokenizer(recipe: dict[str, Any]) -> Tokenizer:
    """Learn a byte-level BPE of the demo sentences, Whisper's special tokens behind it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    texts = [f" {one.text}" for one in (*sentences(recipe), *other_sentences(recipe))]
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer


def config_of(tokenizer: Tokenizer, *, words: int, width: int, heads: int, layers: int, **more: Any) -> WhisperConfig:
    """Whisper's architecture in a size, for a vocabulary of so many words; `more` is said to it as it is."""
    end = tokenizer.token_to_id("<|endoftext|>")
    return WhisperConfig(
        vocab_size=words,
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
        **more,
    )


def new_model(tokenizer: Tokenizer) -> WhisperForConditionalGeneration:
    """Whisper's architecture, very small, with an encoder of ten seconds."""
    config = config_of(
        tokenizer,
        words=tokenizer.get_vocab_size(),
        width=WIDTH,
        heads=HEADS,
        layers=LAYERS,
        max_source_positions=SAMPLE_SECONDS * FRAMES_PER_SECOND,
        dropout=0.1,
    )
    return WhisperForConditionalGeneration(config)


def rate_at(step: int) -> float:
    """Learning rate by step count, so that the training can be repeated: a warm-up, then a cosine down to nothing."""
    if step < WARM_UP_STEPS:
        return PEAK_RATE * (step + 1) / WARM_UP_STEPS
    done = (step - WARM_UP_STEPS) / (STEPS - WARM_UP_STEPS)
    return PEAK_RATE * 0.5 * (1 + math.cos(math.pi * done))


def train(
    model: WhisperForConditionalGeneration, material: list[Sample], *, tokenizer: Tokenizer, classes: int, seed: int
) -> None:
    """Fit the model in place; an auxiliary head names the word in each frame, and is thrown away afterwards."""
    filters = mel_filters()
    mels = torch.stack([log_mel(one.wave, filters=filters).half() for one in material])
    frame_words = torch.from_numpy(np.stack([one.frame_words for one in material]))
    prefix = [tokenizer.token_to_id("<|startoftranscript|>"), tokenizer.token_to_id("<|notimestamps|>")]
    end = tokenizer.token_to_id("<|endoftext|>")
    texts = [tokenizer.encode(one.text).ids for one in material]
    frame_head = torch.nn.Linear(WIDTH, classes)
    optimizer = torch.optim.AdamW([*model.parameters(), *frame_head.parameters()], lr=PEAK_RATE, weight_decay=0.01)
    order = np.random.default_rng(seed)
    queue: list[int] = []
    model.train()
    began = time.monotonic()
    for step in range(STEPS):
        if len(queue) < BATCH:
            queue = order.permutation(len(material)).tolist()
        chosen, queue = queue[:BATCH], queue[BATCH:]
        entered, wanted = _token_batch([texts[number] for number in chosen], prefix=prefix, end=end)
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step)
        answer = model(input_features=mels[chosen].float(), decoder_input_ids=entered)
        text_loss = functional.cross_entropy(answer.logits.flatten(0, 1), wanted.flatten(), ignore_index=_IGNORED)
        frame_logits = frame_head(answer.encoder_last_hidden_state)
        frame_loss = functional.cross_entropy(frame_logits.flatten(0, 1), frame_words[chosen].flatten())
        optimizer.zero_grad()
        (text_loss + _FRAME_LOSS_SHARE * frame_loss).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % _REPORT_EVERY_STEPS == 0:
            seconds = time.monotonic() - began
            print(f"step {step} text {text_loss:.3f} frame {frame_loss:.3f} s {seconds:.0f}", flush=True)
    model.eval()


def _token_batch(texts: list[list[int]], *, prefix: list[int], end: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pair what the decoder is given with what it should say next, padded to the longest text."""
    longest = max(map(len, texts)) + len(prefix)
    entered = torch.full((len(texts), longest), end)
    wanted = torch.full((len(texts), longest), _IGNORED)
    for row, tokens in enumerate(texts):
        entered[row, : len(prefix) + len(tokens)] = torch.tensor(prefix + tokens)
        wanted[row, len(prefix) - 1 : len(prefix) + len(tokens)] = torch.tensor([*tokens, end])
    return entered, wanted


def export(model: WhisperForConditionalGeneration, *, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the CTranslate2 model WhisperX loads.

    WhisperX pads to thirty seconds. Positions beyond ten get the embeddings of the second half of the ten, where the
    model has mostly seen the same padding: word error rate 0.00, against 0.05 with zero embeddings.
    """
    short = model.model.encoder.embed_positions.weight.data
    tail = short[len(short) // 2 :]
    repeated = tail.repeat(math.ceil((WHISPER_POSITIONS - len(short)) / len(tail)), 1)
    long = torch.cat([short, repeated])[:WHISPER_POSITIONS]
    model.model.encoder.embed_positions = torch.nn.Embedding.from_pretrained(long)
    write_model(model, tokenizer=tokenizer, folder=folder)


def write_model(model: WhisperForConditionalGeneration, *, tokenizer: Tokenizer, folder: Path) -> None:
    """Write a model as CTranslate2 reads it, float16, with its tokenizer and what WhisperX asks about its features."""
    size = model.config
    spec = WhisperLoader().get_model_spec(model)
    spec.register_vocabulary([tokenizer.id_to_token(number) for number in range(size.vocab_size)])
    config: Any = spec.config
    config.suppress_ids = []
    config.suppress_ids_begin = []
    config.lang_ids = []
    config.alignment_heads = [[size.decoder_layers - 1, head] for head in range(size.decoder_attention_heads)]
    spec.validate()
    spec.optimize(quantization="float16")
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"))
    features = {"feature_size": MEL_BINS, "sampling_rate": 16_000, "hop_length": 160, "chunk_length": 30, "n_fft": 400}
    (folder / "preprocessor_config.json").write_text(json.dumps(features, indent=1), encoding="utf-8")


def speak_clips(recipe: dict[str, Any], *, espeak: EspeakVoice, folder: Path) -> None:
    """Write every sentence in the two held-out voices as Ogg files, with their manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    made: list[Clip] = []
    for speaker, manner in recipe["clips"].items():
        for one in sentences(recipe):
            spoken = render(one, spoken=one.text, espeak=espeak, manner=Manner(**manner))
            samples = (spoken.wave * 32_767).astype(np.int16)[np.newaxis]
            name = f"{one.key}.{speaker}.ogg"
            (folder / name).write_bytes(encode(samples, samples_per_second=RATE, form="ogg"))
            made.append(
                Clip(
                    file=name,
                    sentence=one.key,
                    language=one.language,
                    speaker=speaker,
                    voice=f"{one.espeak}+{manner['voice']}",
                    text=one.text,
                    seconds=round(samples.shape[1] / RATE, 3),
                    word_starts_seconds=tuple(round(second, 3) for second in spoken.word_starts_seconds),
                )
            )
    write_manifest(made, folder=folder)


def main() -> None:
    """Make the model and the clips in their folders, or elsewhere to compare, and print the word error rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=MODEL_FOLDER, help="where the model is written")
    parser.add_argument("--threads", type=int, default=1, help="more are faster, and round their sums otherwise")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    recipe = read_recipe(RECIPE_PATH)
    espeak = EspeakVoice()
    speak_clips(recipe, espeak=espeak, folder=CLIPS_FOLDER)
    seed = recipe["recipe"]["seed"]
    torch.manual_seed(seed)
    material = samples(recipe, espeak=espeak, chance=np.random.default_rng(seed))
    tokenizer = train_tokenizer(recipe)
    model = new_model(tokenizer)
    weights = sum(weight.numel() for weight in model.parameters())
    print(f"{len(material)} samples, {weights} weights", flush=True)
    train(model, material, tokenizer=tokenizer, classes=word_classes(recipe), seed=seed)
    export(model, tokenizer=tokenizer, folder=chosen.folder)
    transcriber = WhisperTranscriber(SpeechSettings(model=DEMO), demo_folder=chosen.folder)
    for line in LINES:
        print(line, word_error_rates(transcriber, line=line), flush=True)


if __name__ == "__main__":
    main()
