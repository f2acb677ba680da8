"""Reads one volume over and over. Arguments: the volume, a folder with N.key, N.chain and N.ca for every pair N."""

import json
import os
import random
import sys
import threading
import time

volume, pairs = sys.argv[1:]


def read(path, folder=None):
    """Opens below a folder that is held open when one is given: openat(2)."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        content = b""
        while chunk := os.read(file, 65536):
            content += chunk
        return content
    finally:
        os.close(file)


known = {"key": {}, "chain": {}, "ca": {}}
for name in os.listdir(pairs):
    pair, part = name.split(".")
    known[part][read(os.path.join(pairs, name))] = int(pair)


class Way:
    def __init__(self):
        self.seen = {"reads": 0, "mismatches": 0, "retries": 0, "rotations": 0}
        self.last = None

    def attempt(self, look):
        try:
            found = look()
        except FileNotFoundError:
            self.seen["retries"] += 1
            return
        self.seen["reads"] += 1
        if found[0] is None or any(other != found[0] for other in found):
            self.seen["mismatches"] += 1
            return
        self.seen["rotations"] += found[0] != self.last
        self.last = found[0]


def in_bundle():
    text = read(os.path.join(volume, "credential-bundle.pem"))
    chain_at = text.find(b"-----BEGIN CERTIFICATE-----")
    return known["key"].get(text[:chain_at]), known["chain"].get(text[chain_at:])


def in_generation():
    folder = os.open(os.path.join(volume, "..data"), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return (
            known["key"].get(read("tls.key", folder)),
            known["chain"].get(read("tls.crt", folder)),
            known["ca"].get(read("ca.crt", folder)),
        )
    finally:
        os.close(folder)


def apart():
    key = known["key"].get(read(os.path.join(volume, "tls.key")))
    # Some time at random, or a reader would fall into step with the writer.
    time.sleep(random.random() * 0.002)
    return key, known["chain"].get(read(os.path.join(volume, "tls.crt")))


ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.buffer.read(), ended.set()), daemon=True).start()
ways = {"bundle": (Way(), in_bundle), "generation": (Way(), in_generation), "apart": (Way(), apart)}
while not ended.is_set():
    for way, look in ways.values():
        way.attempt(look)
print(json.dumps({name: way.seen for name, (way, _) in ways.items()}))
