/** A host by its name or the text of its address, with a port: what a user, a link or a .torrent names before anybody has resolved it. */

/** A host name or address with a port, not resolved. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** As text: `host:port`, IPv6 addresses in brackets. */
export const formatHostPort = ({ host, port }: HostPort): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
