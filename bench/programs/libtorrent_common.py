"""What leech_libtorrent.py and seed_libtorrent.py have in common: settings for local transfers: over TCP alone in plaintext or RC4, or over uTP."""
import libtorrent as lt


def settings(listen, wire, **more):
    rc4 = wire == "rc4"
    utp = wire == "utp"
    return {
        "listen_interfaces": listen,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_outgoing_utp": utp,
        "enable_incoming_utp": utp,
        # Who shares is asked over TCP first whether it is ready.
        "enable_outgoing_tcp": not utp,
        # Forced; or, as the cheap peers know plaintext only, out disabled and in enabled.
        "out_enc_policy": 0 if rc4 else 2,
        "in_enc_policy": 0 if rc4 else 1,
        "allowed_enc_level": 2 if rc4 else 1,
        "prefer_rc4": rc4,
        "allow_multiple_connections_per_ip": True,
        "aio_threads": 4,
        "hashing_threads": 2,
        "tick_interval": 100,
        **more,
    }


def params(source, folder):
    if source.startswith("magnet:"):
        added = lt.parse_magnet_uri(source)
    else:
        added = lt.add_torrent_params()
        added.ti = lt.torrent_info(source)
    added.save_path = folder
    added.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    return added
