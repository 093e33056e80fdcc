#!/usr/bin/python3
"""A libtorrent peer for the tests, told what to do by one JSON object in its first argument. It prints JSON lines:
`{"event": "ready", "port": N}` once it can be asked, `announced`, `finished` and, every second, `stats`. It runs until it is killed.

  mode      "seed", "leech" or "create"
  source    path of a .torrent, or a magnet link
  folder    where the payload is or goes
  peers     addresses to connect to, "ip:port" or "[ip]:port"
  trackers  URLs, besides those of the source
  uploadLimit, downloadLimit    bytes per second, 0 for none
  settings  more settings of the session, by libtorrent's names

"create" makes a .torrent instead (name, pieceLength, version "1", "2" or "hybrid", pads) and ends.
"""
import json, os, sys
import libtorrent as lt

job = json.loads(sys.argv[1])


def say(**fields):
    print(json.dumps(fields), flush=True)


def create():
    files = lt.file_storage()
    lt.add_files(files, os.path.join(job["folder"], job["name"]))
    # canonical_files aligns every file with pad files (BEP 47), as hybrids do anyway.
    flags = {"1": lt.create_torrent.v1_only, "2": lt.create_torrent.v2_only, "hybrid": 0}[job["version"]]
    if job.get("pads"):
        flags |= lt.create_torrent.canonical_files
    torrent = lt.create_torrent(files, job["pieceLength"], flags)
    lt.set_piece_hashes(torrent, job["folder"])
    with open(job["source"], "wb") as out:
        out.write(lt.bencode(torrent.generate()))


def run():
    category = lt.alert.category_t
    session = lt.session({
        "listen_interfaces": "127.0.0.1:0",
        "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
        "enable_outgoing_utp": False, "enable_incoming_utp": False,
        "out_enc_policy": 2, "in_enc_policy": 1,
        "allow_multiple_connections_per_ip": True, "unchoke_slots_limit": -1,
        "active_limit": -1, "active_seeds": -1, "active_downloads": -1,
        "announce_to_all_trackers": True, "announce_to_all_tiers": True, "tick_interval": 100,
        "alert_mask": int(category.status_notification) | int(category.error_notification) | int(category.tracker_notification)
        | int(category.storage_notification),
        **job.get("settings", {}),
    })
    if job["source"].startswith("magnet:"):
        params = lt.parse_magnet_uri(job["source"])
    else:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(job["source"])
    params.save_path = job["folder"]
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    if job["mode"] == "seed":
        params.flags |= lt.torrent_flags.seed_mode
    params.peers = [(peer.rsplit(":", 1)[0].strip("[]"), int(peer.rsplit(":", 1)[1])) for peer in job.get("peers", [])]
    params.trackers = list(params.trackers) + job.get("trackers", [])
    params.upload_limit = job.get("uploadLimit", 0)
    params.download_limit = job.get("downloadLimit", 0)
    torrent = session.add_torrent(params)
    say(event="ready", port=session.listen_port())
    while True:
        session.wait_for_alert(1000)
        for alert in session.pop_alerts():
            if isinstance(alert, lt.torrent_finished_alert):
                # It is said before the last pieces are written.
                torrent.flush_cache()
            elif isinstance(alert, lt.cache_flushed_alert):
                if torrent.status().is_finished:
                    say(event="finished")
            elif isinstance(alert, lt.tracker_reply_alert):
                say(event="announced", url=alert.tracker_url())
            elif isinstance(alert, (lt.torrent_error_alert, lt.file_error_alert, lt.tracker_error_alert)):
                print(alert.message(), file=sys.stderr, flush=True)
        status = torrent.status()
        say(event="stats", uploaded=status.total_payload_upload, verified=status.total_done, failed=status.total_failed_bytes)


create() if job["mode"] == "create" else run()
