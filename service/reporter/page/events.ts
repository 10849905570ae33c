/**
 * Events: one canonical JSON object, signed, bound to its stream's previous leaf.
 *
 * - `sig` is Ed25519 over the line `meyasubako/event/v1` and the canonical JSON without `sig`.
 * - A leaf's hash is SHA-256(0x00 ‖ the event's bytes).
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes } from "@noble/hashes/utils.js";
import { decodeEvent, encodeEvent, isObject, lineAnd, type JsonObject } from "./canonical.js";
import { decode64, encode64, keyId, sign, verify, type SigningKey } from "./keys.js";
import type { Reference } from "./sealing.js";

export interface Head {
  readonly seq: number;
  readonly leaf: string;
}

export interface Event {
  readonly at: string;
  readonly body: JsonObject;
  readonly by: string;
  readonly kind: string;
  readonly log: string;
  readonly prev: string;
  readonly seq: number;
  readonly stream: string;
  readonly data: Uint8Array;
  readonly leaf: string;
}

export const NOWHERE: Head = { seq: 0, leaf: "" };
const LONGEST = 32 * 1024;
const FIELDS = "at body by kind log prev seq sig stream v";

/** The next event of a stream, without its day and its signature: what a day's signature is made for. */
export function unsigned(
  kind: string,
  body: JsonObject,
  log: string,
  stream: string,
  head: Head,
  key: SigningKey,
): JsonObject {
  return { body, by: key.id, kind, log, prev: head.leaf, seq: head.seq + 1, stream, v: 1 };
}

export function signed(fields: JsonObject, day: string, key: SigningKey): Event {
  const dated = { ...fields, at: day };
  const data = encodeEvent({ ...dated, sig: signature(dated, key) });
  if (data.length > LONGEST) throw new Error("the event is too long");
  return readEvent(data);
}

export function signature(dated: JsonObject, key: SigningKey): string {
  return encode64(sign(lineAnd("meyasubako/event/v1", encodeEvent(dated)), key));
}

export function readEvent(data: Uint8Array): Event {
  const fields = decodeEvent(data);
  if (Object.keys(fields).sort().join(" ") !== FIELDS) throw new Error("the bytes are not an event");
  const { body, seq } = fields;
  if (!isObject(body) || typeof seq !== "number") throw new Error("the bytes are not an event");
  const text = (name: string): string => {
    const value = fields[name];
    if (typeof value !== "string") throw new Error("the bytes are not an event");
    return value;
  };
  return {
    at: text("at"),
    body,
    by: text("by"),
    kind: text("kind"),
    log: text("log"),
    prev: text("prev"),
    seq,
    stream: text("stream"),
    data,
    leaf: bytesToHex(leafHash(data)),
  };
}

export function verifyEvent(event: Event, publicKey: Uint8Array): void {
  if (event.by !== keyId(publicKey)) throw new Error("the event names another key");
  const { sig, ...dated } = decodeEvent(event.data);
  verify(decode64(String(sig)), lineAnd("meyasubako/event/v1", encodeEvent(dated)), publicKey);
}

export function leafHash(data: Uint8Array): Uint8Array {
  return sha256(concatBytes(new Uint8Array([0]), data));
}

/** A list of objects in a body; empty where the field is absent. */
export function records(event: Event, name: string): JsonObject[] {
  const value = event.body[name];
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function reference(value: unknown): Reference {
  const found = isObject(value) ? value : {};
  return { sha256: String(found["sha256"]), size: Number(found["size"]) };
}
