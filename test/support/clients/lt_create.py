"""Prints the info-hashes, v1 and v2, of the torrent that libtorrent makes of the files that its argument (JSON) lists."""
import json
import sys

import libtorrent as lt

# Bits of create_torrent without names in Python: symlinks, and the two that leave a version out.
SYMLINKS = 8
ONLY = {"v1": 64, "v2": 32, "hybrid": 0}

torrent = json.loads(sys.argv[1])
files = lt.file_storage()
files.set_name(torrent["name"])
for entry in torrent["files"]:
    flags = lt.file_flags_t.flag_executable if entry["executable"] else 0
    path = torrent["name"] if torrent["single"] else torrent["name"] + "/" + entry["path"]
    if "symlink" in entry:
        files.add_file(path, 0, lt.file_flags_t.flag_symlink, 0, entry["symlink"])
    else:
        files.add_file(path, entry["size"], flags)
made = lt.create_torrent(files, torrent["pieceLength"], SYMLINKS | ONLY[torrent["version"]])
made.set_priv(torrent["private"])
lt.set_piece_hashes(made, torrent["folder"])
hashes = lt.torrent_info(made.generate()).info_hashes()
print(json.dumps({
    "v1": str(hashes.v1) if hashes.has_v1() else None,
    "v2": str(hashes.v2) if hashes.has_v2() else None,
}))
