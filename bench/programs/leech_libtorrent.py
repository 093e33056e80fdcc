#!/usr/bin/python3
"""libtorrent as a leecher that ends when all is there:  leech_libtorrent.py <torrent or magnet> <folder> <host> plain|rc4|utp [<peer>:<port>]"""
import os
import sys

import libtorrent as lt

from libtorrent_common import params, settings

source, folder, host, wire, *peers = sys.argv[1:]
session = lt.session(settings(
    f"{host}:0",
    wire,
    no_connect_privileged_ports=False,
    connection_speed=500,
    torrent_connect_boost=200,
    smooth_connects=False,
    max_out_request_queue=2000,
    request_queue_time=3,
    max_queued_disk_bytes=64 << 20,
    file_pool_size=500,
    stop_tracker_timeout=1,
    alert_mask=int(lt.alert.category_t.status_notification | lt.alert.category_t.error_notification | lt.alert.category_t.storage_notification),
))
added = params(source, folder)
added.peers = [(peer.rsplit(":", 1)[0], int(peer.rsplit(":", 1)[1])) for peer in peers]
torrent = session.add_torrent(added)
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
