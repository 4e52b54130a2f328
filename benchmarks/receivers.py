"""`python -m benchmarks.receivers COUNT`: receivers of webhooks on as many ports of loopback, which
are printed as JSON; `GET /count` at any of them tells how many requests all have answered."""

import asyncio
import json
import resource
import sys

_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Receiver:
    """Answers whatever comes."""

    def __init__(self) -> None:
        self.answered = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"GET /count"):
                    count = str(self.answered).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(count))
                    writer.write(count)
                    continue
                length = head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0]
                await reader.readexactly(int(length))
                self.answered += 1
                writer.write(_OK)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def main(count: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    receiver = Receiver()
    servers = [await asyncio.start_server(receiver.serve, "127.0.0.1", 0) for _ in range(count)]
    sys.stdout.write(json.dumps([s.sockets[0].getsockname()[1] for s in servers]) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
