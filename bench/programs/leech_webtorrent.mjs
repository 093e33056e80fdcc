// webtorrent as a leecher that ends when all is there:  node leech_webtorrent.mjs <torrent or magnet> <folder>
// WebRTC is left out: its native module is no part of a TCP transfer and is not to be had everywhere.
import { registerHooks } from "node:module";

const stub =
  "data:text/javascript,export class RTCPeerConnection {}; export class RTCSessionDescription {}; export class RTCIceCandidate {}; export default {}";
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "webrtc-polyfill" ? { url: stub, format: "module", shortCircuit: true } : next(specifier, context),
});

const { default: WebTorrent } = await import(new URL("../clients/node_modules/webtorrent/index.js", import.meta.url));
const [source, path] = process.argv.slice(2);
const fail = (error) => {
  console.error(error);
  process.exit(1);
};
const client = new WebTorrent({
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
client
  .add(source, { path })
  .on("error", fail)
  .on("done", () => process.exit(0));
