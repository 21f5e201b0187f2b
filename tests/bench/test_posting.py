"""What the load is sent with: an answer is waited for to its end, and one that is not 200 ends the run."""

import asyncio
from collections.abc import Sequence
from contextlib import closing

import pytest

from tests.bench.posting import post

TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"


async def _received(answers: Sequence[Sequence[bytes]], *, requests: int) -> tuple[bytes, list[int]]:
    """Post to a server that tells each answer in parts and then goes away; gives what it got, and what was answered."""
    got, answered = [], []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            for parts in answers:
                got.append(await reader.readexactly(3))
                for part in parts:
                    writer.write(part)
                    await asyncio.sleep(0.01)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        some = [(b"%03d" % number, number) for number in range(requests)]
        await post(some, base_url=f"http://127.0.0.1:{port}", connections=1, a_second=1_000, on_answer=answered.append)
    return b" ".join(got), answered


def test_an_answer_that_comes_in_parts_is_one_answer() -> None:
    in_parts = [[TAKEN[:9], TAKEN[9:30], TAKEN[30:]], [TAKEN]]
    assert (b"000 001", [0, 1]) == asyncio.run(_received(in_parts, requests=2))


@pytest.mark.parametrize("answers", [[[REFUSED]], [[TAKEN[:9]]], [[TAKEN]]])
def test_a_refusal_and_a_receiver_that_goes_away_end_the_run(answers: list[list[bytes]]) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(_received(answers, requests=2))
    assert raised.group_contains(RuntimeError)
