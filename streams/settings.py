"""Settings of the stream worker."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class StreamsSettings(BaseSettings):
    """Where recordings are kept and what listens to them."""

    model_config = SettingsConfigDict(env_prefix="ANGIME_", extra="ignore", frozen=True)

    home: Path = Field(Path(".angime"), description="folder of all state of this installation")
    kafka: str = Field("", description="bootstrap addresses of Kafka, such as 127.0.0.1:9092; empty: the local broker")
    company: Path | None = Field(
        None, description="a company.toml, or a folder of *.toml, one a company; empty: company.toml under home"
    )
    recordings: str = Field(
        "",
        description="where recordings are kept, an obstore URL; empty: recordings under home; `angime land` deletes "
        "those of erased persons there: both must name the same store",
    )
    fetch_seconds: float = Field(
        300.0,
        gt=0,
        description="how long a provider may take to hand out one recording; then it is tried again",
    )
    speech_model: str = Field(
        "",
        description="WhisperX model: a name, a folder, `demo` for the demo model, or `none`: who speaks when, without "
        "words; empty: recordings are only kept",
    )
    speech_aligner: str = Field(
        "",
        description="wav2vec2 model that places words in time: a name or folder, with {language} where each has its "
        "own, or `default`, what WhisperX knows; empty or not there: segments have times, words have none",
    )
    speech_device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto, cpu or cuda")
    speech_compute_type: str = Field(
        "default",
        description="CTranslate2 compute type: int8, float16, float32, or `default`: int8 on a processor, and what the "
        "model was saved with on a GPU",
    )
    speech_threads: int = Field(2, ge=1, le=256, description="processor threads of one transcription")
    speech_download: bool = Field(default=False, description="let WhisperX download models that are not on the disk")

    @property
    def company_path(self) -> Path:
        """The company file or folder that is used."""
        return self.company or self.home / "company.toml"

    @property
    def recordings_url(self) -> str:
        """The store of recordings as an obstore URL."""
        return self.recordings or (self.home / "recordings").absolute().as_uri()
