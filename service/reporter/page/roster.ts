/**
 * Who reads, as far as a page verifies it: against the mechanism's signed log, without its whole history.
 *
 * - The founding is leaf 0 of the tree; its hash is the fingerprint on the poster.
 * - The newest slot marker is the tree's last leaf, signed by the service's key, and names the digest of exactly
 *   these people. It is not older than two slots, and not dated in the future.
 * - The checkpoint is signed by the log's Ed25519 key, as the founding or a later rotation in the tree names it.
 *
 * Not verified here: that every enrolment took two people, the log's ML-DSA key, and witnesses. The command line
 * verifies all of it, of the same tree.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { decodeDocument, encodeEvent, equalBytes, isObject, type JsonObject } from "./canonical.js";
import { leafHash, readEvent, verifyEvent, type Event } from "./events.js";
import { decode64, digestOf, keyId, verify } from "./keys.js";

export interface Person {
  readonly key_id: string;
  readonly card: string;
  readonly enrolled: string;
  readonly key: string;
  readonly recipient: string;
  readonly roles: readonly string[];
  readonly state: string;
  readonly usable_from: number;
  /** The key id that this key took the place of, or nothing. */
  readonly replaces: string;
  /** The day on which this key was enrolled. */
  readonly since: string;
}

/** Who is appointed to hold shares, and how many of them open something together. */
export interface Appointed {
  readonly people: readonly string[];
  readonly threshold: number;
}

export interface Channel {
  readonly card: string;
  readonly questionnaire: string;
  readonly draw: number;
  readonly languages: readonly string[];
  readonly fallback: string;
  /** Whether it only collects: then whoever stands outside is the one reader. */
  readonly letterbox?: boolean;
  /** Who can restore lost access, and who keeps what reporters tell of themselves, if anybody is appointed. */
  readonly recovery?: Appointed & { readonly leaf: string };
  readonly custodians?: Appointed & { readonly leaf: string };
}

interface Proven {
  readonly event: string;
  readonly index: number;
  readonly proof: readonly string[];
}

/** What `GET /api/readers` gives, and what an offline page carries. */
export interface Readers {
  readonly origin: string;
  readonly day: string;
  /** By channel, the day by which somebody who reports today hears something. */
  readonly due: Readonly<Record<string, string>>;
  readonly founding: Proven;
  readonly marker: Proven;
  readonly rotations: readonly Proven[];
  readonly checkpoint: string;
  readonly people: readonly Person[];
  readonly channels: Readonly<Record<string, Channel>>;
  /** Every appointment there was, by its leaf: rooms name the one that they were opened under. */
  readonly appointments: Readonly<Record<string, Appointed>>;
  readonly cards: Readonly<Record<string, string>>;
}

export interface Roster {
  readonly origin: string;
  readonly fingerprint: string;
  readonly marker: string;
  readonly markedOn: string;
  readonly slot: number;
  readonly slotHours: number;
  readonly promiseKey: string;
  readonly people: ReadonlyMap<string, Person>;
  readonly channels: ReadonlyMap<string, Channel>;
  readonly appointments: Readonly<Record<string, Appointed>>;
  readonly cards: Readonly<Record<string, string>>;
}

interface ServerKeys {
  log: readonly string[];
  promise: string;
  service: string;
}

export function verifyReaders(shown: Readers): Roster {
  const { text, size, root } = parseCheckpoint(shown.checkpoint, shown.origin);
  const proven = (each: Proven): Event => {
    const event = readEvent(decode64(each.event));
    verifyInclusion(each.index, size, leafHash(event.data), each.proof.map(decode64), root);
    return event;
  };
  const founding = proven(shown.founding);
  const marker = proven(shown.marker);
  const good =
    founding.kind === "mechanism.founded" && shown.founding.index === 0 && founding.log === shown.origin &&
    marker.kind === "slot.marked" && marker.stream === founding.stream && shown.marker.index === size - 1;
  if (!good) throw new Error("the log does not begin with the founding and end with a marker");
  const people = new Map(shown.people.map((person) => [person.key_id, person]));
  const keys = serverKeys(founding, shown.rotations.map(proven), people);
  verifyNote(shown.checkpoint, text, keys.log);
  verifyEvent(marker, decode64(keys.service));
  if (rosterDigest(shown.people) !== marker.body["roster"]) throw new Error("the list of people is another one");
  return {
    origin: shown.origin,
    fingerprint: fingerprint(founding.leaf),
    marker: marker.leaf,
    markedOn: marker.at,
    slot: Number(marker.body["slot"]),
    slotHours: Number(founding.body["slot_hours"]),
    promiseKey: keys.promise,
    people,
    channels: new Map(Object.entries(shown.channels)),
    appointments: shown.appointments,
    cards: shown.cards,
  };
}

/**
 * Refuse a roster that cannot be relied on by its age, on a day in UTC: older than two slots and a day, or dated more
 * than a day ahead, since that one would not grow old. A day that is none refuses too.
 */
export function checkAge(roster: Roster, day: string): void {
  const hours = (Date.parse(day) - Date.parse(roster.markedOn)) / 3_600_000;
  if (!(hours <= 2 * roster.slotHours + 24)) throw new Error("the list of readers is too old");
  if (hours < -24) throw new Error("the list of readers is dated in the future");
}

/** The people a report on this channel may be sealed to, by key id. */
export function intake(roster: Roster, channel: string): Person[] {
  if (isLetterbox(roster, channel)) {
    const reader = outside(roster, channel);
    return reader === undefined ? [] : [reader];
  }
  return [...roster.people.values()]
    .filter((person) => person.roles.includes(`intake:${channel}`) && usable(roster, person.key_id))
    .sort((a, b) => (a.key_id < b.key_id ? -1 : 1));
}

/** Who reads where everybody else is left out; in a letterbox nobody stands behind its reader. */
export function fallbackOf(roster: Roster, channel: string): Person | undefined {
  return isLetterbox(roster, channel) ? undefined : outside(roster, channel);
}

export function isLetterbox(roster: Roster, channel: string): boolean {
  return roster.channels.get(channel)?.letterbox === true;
}

function outside(roster: Roster, channel: string): Person | undefined {
  const person = roster.people.get(roster.channels.get(channel)?.fallback ?? "");
  return person !== undefined && person.roles.includes("outsider") && usable(roster, person.key_id) ? person : undefined;
}

/** A field of a public card, believed only under its own digest. */
export function cardText(roster: Roster, digest: string, field: "name" | "title"): string {
  const data = decode64(roster.cards[digest] ?? "");
  if (digestOf(data) !== digest) return "";
  const value = decodeDocument(data)[field];
  return typeof value === "string" ? value : "";
}

/** A signed promise that an event will be in the log. */
export function verifyPromise(roster: Roster, promise: string, leaf: string): void {
  const text = noteText(promise);
  const [context, origin, said] = text.split("\n");
  const right = context === "meyasubako/promise/v1" && origin === roster.origin;
  if (!right || bytesToHex(decode64(said ?? "")) !== leaf) throw new Error("the promise is of something else");
  verifyNote(promise, text, [roster.promiseKey]);
}

/** Whether somebody is active, and their waiting time is over. */
export function usable(roster: Roster, keyId: string): boolean {
  const person = roster.people.get(keyId);
  return person?.state === "active" && person.usable_from <= roster.slot;
}

function serverKeys(founding: Event, rotations: readonly Event[], people: Map<string, Person>): ServerKeys {
  const first = isObject(founding.body) ? founding.body : {};
  const keys: ServerKeys = {
    log: list(first["log_keys"]),
    promise: String(first["promise_key"]),
    service: String(first["service_key"]),
  };
  for (const event of [...rotations].sort((a, b) => a.seq - b.seq)) {
    const person = people.get(event.by);
    const known = event.kind === "key.rotated" && event.stream === founding.stream && person !== undefined;
    if (!known) throw new Error("a key was replaced by nobody on the roster");
    verifyEvent(event, decode64(person.key));
    const fresh = list(event.body["keys"]);
    if (event.body["of"] === "log") keys.log = fresh;
    if (event.body["of"] === "promise") keys.promise = fresh[0] ?? "";
    if (event.body["of"] === "service") keys.service = fresh[0] ?? "";
  }
  return keys;
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

export function rosterDigest(people: readonly Person[]): string {
  const rows = [...people]
    .sort((a, b) => (a.key_id < b.key_id ? -1 : 1))
    .map((person): JsonObject => {
      if (keyId(decode64(person.key)) !== person.key_id) throw new Error("a key id is not that of its key");
      const { card, enrolled, key, recipient, state, usable_from } = person;
      return { card, enrolled, key, recipient, roles: [...person.roles].sort(), state, usable_from };
    });
  return bytesToHex(sha256(encodeEvent(rows)));
}

function fingerprint(leaf: string): string {
  const number = BigInt(`0x${leaf}`) % 10n ** 24n;
  return String(number).padStart(24, "0").replace(/(.{4})(?=.)/g, "$1 ");
}

function parseCheckpoint(note: string, origin: string): { text: string; size: number; root: Uint8Array } {
  const text = noteText(note);
  const lines = text.split("\n");
  const size = Number(lines[1]);
  if (lines.length !== 4 || lines[0] !== origin || !Number.isSafeInteger(size)) throw new Error("no checkpoint of ours");
  return { text, size, root: decode64(lines[2]!) };
}

function noteText(note: string): string {
  const end = note.lastIndexOf("\n\n");
  if (end < 0) throw new Error("not a signed note");
  return note.slice(0, end + 1);
}

/** Every plain Ed25519 key of the list (C2SP verifier keys) has signed the note; there is at least one. */
function verifyNote(note: string, text: string, keys: readonly string[]): void {
  const lines = note.slice(text.length + 1).split("\n");
  let verified = 0;
  for (const key of keys) {
    const [name = "", id = ""] = key.split("+", 2);
    const public_ = decode64(key.slice(name.length + id.length + 2));
    if (public_[0] !== 1) continue;
    const hash = sha256(concatBytes(utf8ToBytes(`${name}\n`), public_));
    const line = lines.find((each) => {
      const [dash, signer, data] = each.split(" ");
      return dash === "—" && signer === name && equalBytes(decode64(data ?? "").subarray(0, 4), hash.subarray(0, 4));
    });
    if (line === undefined) throw new Error("a key has not signed");
    verify(decode64(line.split(" ")[2]!).subarray(4), utf8ToBytes(text), public_.subarray(1));
    verified += 1;
  }
  if (verified === 0) throw new Error("nobody known has signed");
}

/** RFC 9162, section 2.1.3.2. */
export function verifyInclusion(
  index: number,
  size: number,
  leaf: Uint8Array,
  path: readonly Uint8Array[],
  root: Uint8Array,
): void {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) throw new Error("outside of the tree");
  let [place, last, hash] = [index, size - 1, leaf];
  for (const sibling of path) {
    if (last === 0) throw new Error("the proof is too long");
    if (place % 2 === 1 || place === last) {
      hash = node(sibling, hash);
      while (place % 2 === 0 && place !== 0) [place, last] = [place / 2, Math.floor(last / 2)];
    } else {
      hash = node(hash, sibling);
    }
    [place, last] = [Math.floor(place / 2), Math.floor(last / 2)];
  }
  if (last !== 0 || !equalBytes(hash, root)) throw new Error("the proof does not lead to the root");
}

function node(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concatBytes(new Uint8Array([1]), left, right));
}
