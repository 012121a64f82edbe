"""A FastAGI peer that does one thing to every call, for tests of what happens when that thing goes wrong.

``python scripted_agi.py WHAT`` prints its port, then for each call WHAT, the URL's path, the numbers.
"""

import socket
import sys
import time
from io import BufferedRWPair


def main(what: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb") as stream:
            environment = {}
            while line := stream.readline().decode(errors="replace").strip():
                key, _, value = line.partition(": ")
                environment[key] = value
            told = [environment[f"agi_{key}"] for key in ("network_script", "extension", "callerid")]
            print(what, *told, flush=True)
            serve(what, stream)


def serve(what: str, stream: BufferedRWPair) -> None:
    def command(text: str) -> bytes:
        stream.write(text.encode() + b"\n")
        stream.flush()
        return stream.readline()

    match what:
        case "leave":
            return
        case "hang":
            time.sleep(3600)
        case "prompt":
            command('STREAM FILE demo-congrats ""')
        case "ask":
            command("GET DATA demo-congrats 20000 5")
        case _:
            # NAME=VALUE,NAME=VALUE: the decision, as pbxd leaves it.
            for setting in what.split(";"):
                name, _, value = setting.partition("=")
                command(f'SET VARIABLE {name} "{value}"')


if __name__ == "__main__":
    main(sys.argv[1])
