"""A broker of its own for each journey: what one of them buries or leaves behind is none of another's."""

from collections.abc import Iterator

import pytest

from pipelines.kafka import local_kafka


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[local_kafka.Running]:
    """Run a local broker for the tests of one file."""
    home = tmp_path_factory.mktemp("kafka-home")
    yield local_kafka.start(home, on_step=print)
    local_kafka.stop(home)
