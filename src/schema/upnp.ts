/**
 * What UPnP internet gateways say in XML: their description, and the answers to SOAP calls (UPnP IGD, WANIPConnection). Pure and bounded; HTTP is
 * services/PortMapping/upnp.ts.
 */
import * as Effect from "effect/Effect";
import * as Stream from "effect/Stream";
import * as Xml from "effect/encoding/Xml";

/** Characters of a document that is read: real descriptions have less than 20,000. */
export const MAX_DOCUMENT = 131_072;
const LIMITS: Xml.DecodeOptions = { maxTokenSize: 8_192, maxDepth: 32 };
/** Services of a description that are looked at. */
const MAX_SERVICES = 64;

/** The services that map ports, the better first. */
const SERVICES: ReadonlyArray<string> = ["WANIPConnection:2", "WANIPConnection:1", "WANPPPConnection:1"].map(
  (name) => `urn:schemas-upnp-org:service:${name}`,
);

/** A service that maps ports. */
export interface MappingService {
  readonly type: string;
  /** Where it is called, always on the host that described it. */
  readonly control: URL;
}

/** What a call gave: the values by name, or UPnP's error. */
export type SoapAnswer =
  | { readonly _tag: "Values"; readonly values: ReadonlyMap<string, string> }
  | { readonly _tag: "Fault"; readonly code: number; readonly text: string };

/** The name without its prefix. */
const localName = (name: string): string => name.slice(name.indexOf(":") + 1);

/** Gives each element's own text as it ends, and where one begins; fails as the document does. */
const walk = (
  document: string,
  visit: { readonly start: (name: string) => void; readonly end: (name: string, text: string) => void },
): Effect.Effect<void, Xml.XmlError> =>
  Effect.suspend(() => {
    let text = "";
    return Stream.make(document.slice(0, MAX_DOCUMENT)).pipe(
      Stream.pipeThroughChannel(Xml.decodeString(LIMITS)),
      Stream.runForEach((event) =>
        Effect.sync(() => {
          if (event._tag === "Text") text += event.text;
          else if (event._tag === "StartElement") {
            text = "";
            visit.start(localName(event.name));
          } else if (event._tag === "EndElement") {
            visit.end(localName(event.name), text.trim());
            text = "";
          }
        }),
      ),
    );
  });

/** A URL of the description: whatever host it names (routers leave `%s` there, or another's address), it is on the one that described itself. */
const resolve = (text: string, base: URL): URL | undefined => {
  const named = URL.parse(text, base);
  const path = text.replace(/^[a-z]+:\/\/[^/]*/i, "");
  const url = named?.hostname === base.hostname && named.protocol === "http:" ? named : URL.parse(path || "/", base);
  return url?.host !== undefined && url.hostname === base.hostname && url.protocol === "http:" ? url : undefined;
};

/** The best service of a description that was found at `location`; undefined when it has none that maps ports. */
export const parseDescription = (
  document: string,
  location: URL,
): Effect.Effect<MappingService | undefined, Xml.XmlError> =>
  Effect.suspend(() => {
    const services: Array<{ type: string; control: string }> = [];
    let base = location;
    let current: { type: string; control: string } | undefined;
    return Effect.map(
      walk(document, {
        start: (name) => {
          if (name === "service") current = { type: "", control: "" };
        },
        end: (name, text) => {
          if (name === "URLBase") base = resolve(text, location) ?? location;
          else if (name === "serviceType" && current !== undefined) current.type = text;
          else if (name === "controlURL" && current !== undefined) current.control = text;
          else if (name === "service" && current !== undefined) {
            if (services.length < MAX_SERVICES) services.push(current);
            current = undefined;
          }
        },
      }),
      () => {
        for (const type of SERVICES) {
          const control = services.find((service) => service.type === type && service.control !== "")?.control;
          const url = control === undefined ? undefined : resolve(control, base);
          if (url !== undefined) return { type, control: url };
        }
        return undefined;
      },
    );
  });

const escape = (text: string): string => text.replace(/[&<>]/g, (found) => `&#${found.charCodeAt(0)};`);

/** The body of a call with its arguments in order. */
export const encodeSoap = (
  type: string,
  action: string,
  values: ReadonlyArray<readonly [name: string, value: string | number]>,
): string =>
  '<?xml version="1.0"?>\r\n' +
  '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">' +
  `<s:Body><u:${action} xmlns:u="${type}">` +
  values.map(([name, value]) => `<${name}>${escape(String(value))}</${name}>`).join("") +
  `</u:${action}></s:Body></s:Envelope>\r\n`;

/** Characters of a fault's description that are kept. */
const MAX_FAULT_TEXT = 200;
/** Values of an answer that are kept: no call here has more than one. */
const MAX_VALUES = 32;

/** Reads the answer to a call. */
export const parseSoap = (document: string): Effect.Effect<SoapAnswer, Xml.XmlError> =>
  Effect.suspend(() => {
    const values = new Map<string, string>();
    let code: number | undefined;
    let description = "";
    return Effect.map(
      walk(document, {
        start: () => {},
        end: (name, text) => {
          if (name === "errorCode" && /^\d{1,5}$/.test(text)) code = Number(text);
          else if (name === "errorDescription") description = text.slice(0, MAX_FAULT_TEXT);
          else if (name === "Fault") code ??= 0;
          else if (values.size < MAX_VALUES) values.set(name, text);
        },
      }),
      (): SoapAnswer =>
        code === undefined ? { _tag: "Values", values } : { _tag: "Fault", code, text: description || "fault" },
    );
  });
