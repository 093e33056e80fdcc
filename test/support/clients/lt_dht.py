#!/usr/bin/python3
"""A DHT of libtorrent nodes on loopback for the tests, told what to do by one JSON object in its first argument. It prints JSON lines:
`{"event": "ready", "port": N}` with the port of the node to join by, and `peer` with `address` for each peer of `watch` that the nodes come to know
of. It runs until it is killed.

  host      "127.0.0.1" or "[::1]"
  nodes     how many
  source    path of a .torrent that the last node seeds
  folder    where its payload is
  watch     an info-hash, hex
"""
import json, sys, time
import libtorrent as lt

job = json.loads(sys.argv[1])


def say(**fields):
    print(json.dumps(fields), flush=True)


def node(router):
    return lt.session({
        "listen_interfaces": job["host"] + ":0",
        "enable_dht": True, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
        "enable_outgoing_utp": False, "enable_incoming_utp": False,
        "dht_bootstrap_nodes": router, "dht_restrict_routing_ips": False, "dht_restrict_search_ips": False,
        "dht_ignore_dark_internet": False, "dht_prefer_verified_node_ids": False, "dht_enforce_node_id": False,
        "dht_block_ratelimit": 1000, "dht_upload_rate_limit": 1000000,
        "allow_multiple_connections_per_ip": True, "tick_interval": 100,
        "alert_mask": int(lt.alert.category_t.dht_notification) | int(lt.alert.category_t.dht_operation_notification)
        | int(lt.alert.category_t.error_notification),
    })


def address(endpoint):
    host, port = endpoint
    return "[%s]:%d" % (host, port) if ":" in host else "%s:%d" % (host, port)


first = node("")
sessions = [first]
router = "%s:%d" % (job["host"], first.listen_port())
for _ in range(1, job["nodes"]):
    sessions.append(node(router))
say(event="ready", port=first.listen_port())

seeding = None
if "source" in job:
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(job["source"])
    params.save_path = job["folder"]
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    params.flags |= lt.torrent_flags.seed_mode
    seeding = sessions[-1].add_torrent(params)
wanted = lt.sha1_hash(bytes.fromhex(job["watch"]))

known = set()
while True:
    if seeding is not None and not known:
        seeding.force_dht_announce()
    sessions[1].dht_get_peers(wanted)
    until = time.time() + 0.5
    while time.time() < until:
        sessions[1].wait_for_alert(100)
        for alert in sessions[1].pop_alerts():
            if not isinstance(alert, lt.dht_get_peers_reply_alert):
                continue
            for peer in alert.peers():
                if peer not in known:
                    known.add(peer)
                    say(event="peer", address=address(peer))
    for session in sessions:
        session.pop_alerts()
