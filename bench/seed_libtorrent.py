#!/usr/bin/python3
"""libtorrent as a seeder until it is killed, set for fast local transfers:  seed_libtorrent.py <torrent> <folder> <port>"""
import sys
import time

import libtorrent as lt

source, folder, port = sys.argv[1:4]
session = lt.session({
    "listen_interfaces": f"127.0.0.1:{port}",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_outgoing_utp": False,
    "enable_incoming_utp": False,
    "out_enc_policy": 2,
    "in_enc_policy": 1,
    "allowed_enc_level": 1,
    "allow_multiple_connections_per_ip": True,
    "unchoke_slots_limit": -1,
    "max_allowed_in_request_queue": 2000,
    "send_buffer_watermark": 4 << 20,
    "send_buffer_low_watermark": 512 << 10,
    "send_buffer_watermark_factor": 150,
    "aio_threads": 4,
    "hashing_threads": 2,
    "tick_interval": 100,
})
params = lt.add_torrent_params()
params.ti = lt.torrent_info(source)
params.save_path = folder
params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
session.add_torrent(params)
while True:
    time.sleep(60)
