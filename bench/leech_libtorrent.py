#!/usr/bin/python3
"""libtorrent as a leecher that ends when all is there, set for fast local transfers:  leech_libtorrent.py <torrent or magnet> <folder>"""
import os
import sys

import libtorrent as lt

SETTINGS = {
    "listen_interfaces": "127.0.0.1:0",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_outgoing_utp": False,
    "enable_incoming_utp": False,
    # The seeder knows plaintext only: out disabled, in enabled.
    "out_enc_policy": 2,
    "in_enc_policy": 1,
    "allowed_enc_level": 1,
    "allow_multiple_connections_per_ip": True,
    "no_connect_privileged_ports": False,
    "connection_speed": 500,
    "torrent_connect_boost": 200,
    "smooth_connects": False,
    "max_out_request_queue": 2000,
    "request_queue_time": 3,
    "max_queued_disk_bytes": 64 << 20,
    "aio_threads": 4,
    "hashing_threads": 2,
    "stop_tracker_timeout": 1,
    "tick_interval": 100,
    "alert_mask": int(lt.alert.category_t.status_notification | lt.alert.category_t.error_notification | lt.alert.category_t.storage_notification),
}

source, folder = sys.argv[1:3]
session = lt.session(SETTINGS)
if source.startswith("magnet:"):
    params = lt.parse_magnet_uri(source)
else:
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(source)
params.save_path = folder
params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
torrent = session.add_torrent(params)
while True:
    session.wait_for_alert(1000)
    for alert in session.pop_alerts():
        # Finished is said before the last pieces are written.
        if isinstance(alert, lt.torrent_finished_alert):
            torrent.flush_cache()
        if isinstance(alert, lt.cache_flushed_alert):
            os._exit(0)
        if isinstance(alert, (lt.torrent_error_alert, lt.file_error_alert, lt.hash_failed_alert)):
            print(alert.message(), file=sys.stderr, flush=True)
