"""Prints the info-hash of the v1 torrent that libtorrent makes of the files that its argument (JSON) lists."""
import json
import sys

import libtorrent as lt

# Bits of create_torrent without names in Python: v1_only and symlinks.
FLAGS = 64 | 8

torrent = json.loads(sys.argv[1])
files = lt.file_storage()
files.set_name(torrent["name"])
for entry in torrent["files"]:
    flags = lt.file_flags_t.flag_executable if entry["executable"] else 0
    path = torrent["name"] + "/" + entry["path"]
    if "symlink" in entry:
        files.add_file(path, 0, lt.file_flags_t.flag_symlink, 0, entry["symlink"])
    else:
        files.add_file(path, entry["size"], flags)
made = lt.create_torrent(files, torrent["pieceLength"], FLAGS)
made.set_priv(torrent["private"])
lt.set_piece_hashes(made, torrent["folder"])
print(lt.torrent_info(made.generate()).info_hash())
