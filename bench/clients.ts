/** The programs that are compared. */
import { aria2 } from "./programs/aria2.ts";
import { btEffect, btEffectPlain } from "./programs/btEffect.ts";
import { floor } from "./programs/floor.ts";
import { libtorrent } from "./programs/libtorrent.ts";
import type { Client } from "./programs/program.ts";
import { qBittorrent } from "./programs/qBittorrent.ts";
import { rtorrent } from "./programs/rtorrent.ts";
import { transmission } from "./programs/transmission.ts";
import { webtorrent } from "./programs/webtorrent.ts";

/** All of them; ours first, the floor last. */
export const clients: ReadonlyArray<Client> = [
  btEffect,
  btEffectPlain,
  libtorrent,
  rtorrent,
  qBittorrent,
  aria2,
  webtorrent,
  transmission,
  floor,
];
