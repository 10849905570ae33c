/**
 * One spelling for every value: RFC 8785 in the two alphabets of `crypto/canonical.py`.
 *
 * - An event: strings are printable ASCII without `"` and `\`, keys `[a-z_0-9]+`, integers 0…2^53-1.
 * - A document: any well-formed Unicode, integers within ±(2^53-1). No floats, no null, at most 32 deep.
 * - Reading refuses whatever writing would not have written, byte for byte.
 */
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";

export type Json = string | number | boolean | Json[] | JsonObject;
export interface JsonObject {
  [name: string]: Json;
}

const DEEPEST = 32;

export function encodeEvent(value: Json): Uint8Array {
  check(value, DEEPEST, true);
  return utf8ToBytes(write(value));
}

export function encodeDocument(value: Json): Uint8Array {
  check(value, DEEPEST, false);
  return utf8ToBytes(write(value));
}

export function decodeEvent(data: Uint8Array): JsonObject {
  return decode(data, encodeEvent);
}

export function decodeDocument(data: Uint8Array): JsonObject {
  return decode(data, encodeDocument);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, place) => byte === b[place]);
}

/** A line of text and more bytes, as signatures cover them. */
export function lineAnd(line: string, rest: Uint8Array): Uint8Array {
  return concatBytes(utf8ToBytes(`${line}\n`), rest);
}

function decode(data: Uint8Array, encode: (value: Json) => Uint8Array): JsonObject {
  const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data));
  if (!isObject(value) || !equalBytes(encode(value), data)) throw new Error("not canonical");
  return value;
}

// JSON.stringify escapes strings as RFC 8785 asks, and JavaScript sorts by UTF-16 code units as it asks too.
function write(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const fields = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${write(value[name]!)}`);
  return `{${fields.join(",")}}`;
}

function check(value: unknown, depth: number, event: boolean): void {
  if (typeof value === "boolean") return;
  if (typeof value === "string") return checkText(value, event);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value) || (event && value < 0)) throw new Error("not an integer in range");
    return;
  }
  if (depth === 0) throw new Error("nested too deep");
  if (Array.isArray(value)) return value.forEach((item) => check(item, depth - 1, event));
  if (!isObject(value)) throw new Error("no value of ours");
  for (const name of Object.keys(value)) {
    if (event && !/^[a-z_0-9]+$/.test(name)) throw new Error("not a name");
    checkText(name, event);
    check(value[name], depth - 1, event);
  }
}

function checkText(text: string, event: boolean): void {
  // With the u flag a surrogate matches only where it stands alone.
  const refused = event ? /[^ -~]|["\\]/ : /\p{Surrogate}/u;
  if (refused.test(text)) throw new Error("not a text of this alphabet");
}
