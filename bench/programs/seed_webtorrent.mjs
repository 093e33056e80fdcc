// webtorrent as a seeder until it is killed:  node seed_webtorrent.mjs <torrent> <folder> <port>
// WebRTC is left out as in leech_webtorrent.mjs.
import { registerHooks } from "node:module";

const stub =
  "data:text/javascript,export class RTCPeerConnection {}; export class RTCSessionDescription {}; export class RTCIceCandidate {}; export default {}";
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "webrtc-polyfill" ? { url: stub, format: "module", shortCircuit: true } : next(specifier, context),
});

const { default: WebTorrent } = await import(new URL("../clients/node_modules/webtorrent/index.js", import.meta.url));
const [source, path, port] = process.argv.slice(2);
const fail = (error) => {
  console.error(error);
  process.exit(1);
};
const client = new WebTorrent({
  torrentPort: Number(port),
  utp: false,
  dht: false,
  lsd: false,
  utPex: false,
  natUpnp: false,
  natPmp: false,
  webSeeds: false,
  secure: false,
  maxConns: 200,
});
client.on("error", fail);
client.add(source, { path, announce: [] }).on("error", fail);
