#!/usr/bin/python3
"""libtorrent as a seeder until it is killed:  seed_libtorrent.py <torrent> <folder> <host> <port> plain|rc4|utp    prints its port when it shares"""
import sys
import time

import libtorrent as lt

from libtorrent_common import params, settings

source, folder, host, port, wire = sys.argv[1:]
session = lt.session(settings(
    f"{host}:{port}",
    wire,
    unchoke_slots_limit=-1,
    max_allowed_in_request_queue=2000,
    # Whoever comes decides how both speak.
    in_enc_policy=1,
    allowed_enc_level=3,
    send_buffer_watermark=4 << 20,
    send_buffer_low_watermark=512 << 10,
    send_buffer_watermark_factor=150,
))
added = params(source, folder)
added.flags |= lt.torrent_flags.seed_mode
torrent = session.add_torrent(added)
while not torrent.status().is_seeding:
    time.sleep(0.01)
print(session.listen_port(), flush=True)
while True:
    time.sleep(60)
