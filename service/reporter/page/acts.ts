/**
 * From what a reporter wants to the signed events and sealed payloads of one request.
 *
 * - Whoever writes in a room whose epoch is stale advances it first, in the same request.
 * - Wraps are named by reader in ascending order, as the server's own code writes them.
 */
import { randomBytes } from "@noble/hashes/utils.js";
import type { JsonObject } from "./canonical.js";
import { NOWHERE, signed, unsigned, type Event, type Head } from "./events.js";
import { identity, type Identity, type SigningKey } from "./keys.js";
import { sealIdentity, sealText, wrap, type Binding, type Sealed, type SealedFile } from "./sealing.js";
import { epochOf, present, recipientOf, stale, type Room } from "./rooms.js";
import type { Roster } from "./roster.js";
import type { Wish } from "./wishes.js";
import { nextHolding, shareOut, type Holding } from "./shares.js";

const CLAIM = { sealed_by: "page_script" };

/** A request as it grows: events that follow each other in their streams, and the small payloads they name. */
export class Request {
  readonly events: Event[] = [];
  /** The same events without day and signature, in their order. */
  readonly undated: JsonObject[] = [];
  readonly payloads = new Map<string, Uint8Array>();
  private readonly heads: Map<string, Head>;

  constructor(
    readonly log: string,
    readonly key: SigningKey,
    readonly day: string,
    readonly time: Date,
    heads: Iterable<readonly [string, Head]> = [],
  ) {
    this.heads = new Map(heads);
  }

  binding(stream: string, kind: string): Binding {
    return { log: this.log, stream, author: this.key.id, kind, time: this.time };
  }

  add(kind: string, stream: string, body: JsonObject, own: readonly Sealed[] = []): Event {
    const fields = unsigned(kind, body, this.log, stream, this.heads.get(stream) ?? NOWHERE, this.key);
    const event = signed(fields, this.day, this.key);
    this.heads.set(stream, { seq: event.seq, leaf: event.leaf });
    this.undated.push(fields);
    this.events.push(event);
    for (const payload of own) this.payloads.set(payload.reference.sha256, payload.data);
    return event;
  }
}

export interface NewRoom {
  readonly stream: string;
  readonly identity: Identity;
}

export async function newRoom(): Promise<NewRoom> {
  return { stream: freshId(), identity: await identity(randomBytes(32)) };
}

/** A random UUID (version 4). `crypto.randomUUID` is missing on http. */
export function freshId(): string {
  const bytes = randomBytes(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Who a reporter is, in their own words; the key of its room exists in shares only, once this is sent. */
export interface Told {
  readonly room: NewRoom;
  readonly document: JsonObject;
  readonly holding: Holding;
}

export interface Report {
  readonly document: JsonObject;
  readonly readable: string;
  readonly files: readonly SealedFile[];
  readonly told: Told | undefined;
  /** Those who can restore access to its rooms. */
  readonly holding: Holding | undefined;
}

export interface Place {
  readonly channel: string;
  readonly card: string;
  readonly questionnaire: string;
  readonly marker: string;
}

/** A report to these readers (key id to recipient): `report.submitted`, then its two rooms, or three. */
export async function submit(
  request: Request,
  report: Report,
  place: Place,
  stream: string,
  rooms: readonly [NewRoom, NewRoom],
  reporter: Identity,
  readers: ReadonlyMap<string, string>,
  publicKey: string,
): Promise<void> {
  const [room, dialogue] = rooms;
  const binding = request.binding(stream, "report.submitted");
  const { document, readable, files, told, holding } = report;
  const sealed = await sealText(room.identity.recipient, binding, "report.json", document, readable, files);
  const own = [sealed];
  const streams: JsonObject = { report: room.stream, dialogue: dialogue.stream };
  const body: JsonObject = {
    key: publicKey,
    recipient: reporter.recipient,
    channel: place.channel,
    card: { ref: place.card },
    questionnaire: { ref: place.questionnaire },
    marker: place.marker,
    rooms: streams,
    report: sealed.reference,
    files: files.map((file) => file.reference),
    ...CLAIM,
  };
  if (told !== undefined) {
    const identity = await sealIdentity(told.room.identity.recipient, binding, told.document);
    streams["identity"] = told.room.stream;
    body["identity"] = identity.reference;
    own.push(identity);
  }
  request.add("report.submitted", stream, body, own);
  await openRoom(request, room, stream, "report", readers, holding);
  const both = new Map([...readers, [request.key.id, reporter.recipient]]);
  await openRoom(request, dialogue, stream, "dialogue", both, holding);
  if (told !== undefined) await openRoom(request, told.room, stream, "identity", new Map(), told.holding);
}

async function openRoom(
  request: Request,
  room: NewRoom,
  stream: string,
  name: string,
  readers: ReadonlyMap<string, string>,
  holding: Holding | undefined,
): Promise<void> {
  const { wraps, own } = await wrapsFor(room.identity, readers);
  const shares = await shareOut(room.identity, holding);
  const body = { case: stream, room: name, recipient: room.identity.recipient, wraps, ...shares.fields, ...CLAIM };
  request.add("room.opened", room.stream, body, [...own, ...shares.own]);
}

export interface Epoch {
  readonly number: number;
  readonly recipient: string;
}

/** The room's epoch if it is fresh; else a new one, wrapped to exactly those who may read now. */
export async function currentEpoch(
  request: Request,
  room: Room,
  roster: Roster,
  reporter: Identity,
): Promise<Epoch> {
  if (!stale(room, roster)) return { number: epochOf(room), recipient: recipientOf(room) };
  const fresh = (await newRoom()).identity;
  const readers = new Map<string, string>();
  for (const reader of present(room, roster)) {
    readers.set(reader, reader === room.reporter ? reporter.recipient : roster.people.get(reader)!.recipient);
  }
  const { wraps, own } = await wrapsFor(fresh, readers);
  const shares = await shareOut(fresh, nextHolding(roster, room));
  const body = { epoch: epochOf(room) + 1, recipient: fresh.recipient, wraps, ...shares.fields, ...CLAIM };
  request.add("room.advanced", room.stream, body, [...own, ...shares.own]);
  return { number: epochOf(room) + 1, recipient: fresh.recipient };
}

export async function post(
  request: Request,
  kind: "message.posted" | "report.added",
  stream: string,
  epoch: Epoch,
  document: JsonObject,
  files: readonly SealedFile[],
): Promise<Event> {
  const addition = kind === "report.added";
  const sealed = await sealText(
    epoch.recipient,
    request.binding(stream, kind),
    addition ? "report.json" : "message.json",
    document,
    String(document["text"] ?? ""),
    files,
  );
  const body = {
    epoch: epoch.number,
    [addition ? "addition" : "message"]: sealed.reference,
    files: files.map((file) => file.reference),
    ...CLAIM,
  };
  return request.add(kind, stream, body, [sealed]);
}

/** The event that a wish is, after the message of the same request that tells of it. */
export function tell(request: Request, wish: Wish, stream: string, message: Event): void {
  request.add(wish.kind, stream, { ...wish.body, message: message.leaf, ...CLAIM });
}

/** Let the receipt open nothing any more in this room. */
export function closeToReading(request: Request, stream: string): void {
  request.add("mailbox.closed_to_reading", stream, { ...CLAIM });
}

async function wrapsFor(
  room: Identity,
  readers: ReadonlyMap<string, string>,
): Promise<{ wraps: JsonObject[]; own: Sealed[] }> {
  const wraps: JsonObject[] = [];
  const own: Sealed[] = [];
  for (const reader of [...readers.keys()].sort()) {
    const sealed = await wrap(room, readers.get(reader)!);
    wraps.push({ reader, ...sealed.reference });
    own.push(sealed);
  }
  return { wraps, own };
}
