"""Hashes with libtorrent: `create v1|v2|hybrid <path> <out.torrent>`, or `verify <torrent> <folder>` (ends with 1 where a piece is missing)."""
import sys
import time

import libtorrent as lt

PIECE_LENGTH = 1024 * 1024
# Bits of create_torrent: two of them have no names in Python.
ONLY = {"v1": 64, "v2": 32, "hybrid": 0}


def create(version, path, out):
    files = lt.file_storage()
    lt.add_files(files, path)
    torrent = lt.create_torrent(files, PIECE_LENGTH, ONLY[version])
    lt.set_piece_hashes(torrent, path.rsplit("/", 1)[0])
    with open(out, "wb") as file:
        file.write(lt.bencode(torrent.generate()))


def verify(path, folder):
    session = lt.session({
        "listen_interfaces": "",
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "alert_mask": lt.alert.category_t.status_notification,
        # As many hashers as this machine has cores.
        "hashing_threads": 2,
    })
    handle = session.add_torrent({"ti": lt.torrent_info(path), "save_path": folder})
    while True:
        session.wait_for_alert(1000)
        session.pop_alerts()
        status = handle.status()
        if status.state == lt.torrent_status.seeding:
            return
        if status.state == lt.torrent_status.downloading:
            sys.exit("pieces are missing")
        time.sleep(0.005)


{"create": create, "verify": verify}[sys.argv[1]](*sys.argv[2:])
