#!/usr/bin/python3
"""A SOCKS5 proxy (RFC 1928) for the tests, without logins and without UDP: `socks_proxy.py ADDRESS`. It prints `{"event": "ready", "port": N}` and then one
line for each connection that it was asked for. It runs until it is killed.
"""
import json, socket, struct, sys, threading


def say(**fields):
    print(json.dumps(fields), flush=True)


def take(stream, length):
    data = b""
    while len(data) < length:
        part = stream.recv(length - len(data))
        if not part:
            raise OSError("hung up")
        data += part
    return data


def pump(one, other):
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass
    for stream in (one, other):
        try:
            stream.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client):
    try:
        _, count = take(client, 2)
        take(client, count)
        client.sendall(b"\x05\x00")
        _, command, _, kind = take(client, 4)
        if kind == 1:
            host = socket.inet_ntop(socket.AF_INET, take(client, 4))
        elif kind == 4:
            host = socket.inet_ntop(socket.AF_INET6, take(client, 16))
        else:
            host = take(client, take(client, 1)[0]).decode()
        (port,) = struct.unpack("!H", take(client, 2))
        say(event="asked", command=command, host=host, port=port)
        if command != 1:
            client.sendall(b"\x05\x07\x00\x01" + bytes(6))
            client.close()
            return
        try:
            target = socket.create_connection((host, port), 10)
        except OSError:
            client.sendall(b"\x05\x05\x00\x01" + bytes(6))
            client.close()
            return
        target.settimeout(None)
        client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        threading.Thread(target=pump, args=(client, target), daemon=True).start()
        pump(target, client)
    except OSError:
        client.close()


listener = socket.create_server((sys.argv[1], 0))
say(event="ready", port=listener.getsockname()[1])
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
