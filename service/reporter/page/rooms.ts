/**
 * A room folded from its own stream: recipient, epoch, readers, and whether the epoch is stale.
 *
 * - Every event's place and signature are checked: by the reporter's key, or by one on the verified roster.
 * - An event of a room by somebody who has no say in it is refused: keys are wrapped on its word.
 */
import { readEvent, records, verifyEvent, type Event } from "./events.js";
import { decode64 } from "./keys.js";
import type { Roster } from "./roster.js";

export interface Wrap {
  readonly reader: string;
  readonly epoch: number;
  readonly digest: string;
}

export interface Room {
  readonly stream: string;
  readonly name: string;
  readonly channel: string;
  readonly reporter: string;
  readonly events: Event[];
  readonly recipients: string[];
  readonly wraps: Wrap[];
  /** The leaf that appointed whoever holds shares, by epoch; empty where nobody was appointed. */
  readonly appointed: string[];
  readonly firstHolders: Set<string>;
  /** Who holds a share of the current epoch. */
  holders: Set<string>;
  readonly revoked: Set<string>;
  readers: Set<string>;
  wrapped: Set<string>;
  begunBy: string;
  closedToReading: boolean;
}

export interface RoomShown {
  readonly room: string;
  readonly stream: string;
  readonly events: readonly string[];
  readonly head: { readonly seq: number; readonly leaf: string };
}

/** Fold one room from the events that the service shows of it. */
export function foldRoom(shown: RoomShown, channel: string, reporter: string, key: Uint8Array, roster: Roster): Room {
  const room: Room = {
    stream: shown.stream,
    name: shown.room,
    channel,
    reporter,
    events: [],
    recipients: [],
    wraps: [],
    appointed: [],
    firstHolders: new Set(),
    holders: new Set(),
    revoked: new Set(),
    readers: new Set(),
    wrapped: new Set(),
    begunBy: "",
    closedToReading: false,
  };
  let head = { seq: 0, leaf: "" };
  for (const text of shown.events) {
    const event = readEvent(decode64(text));
    const follows = event.seq === head.seq + 1 && event.prev === head.leaf;
    if (event.log !== roster.origin || event.stream !== room.stream || !follows) {
      throw new Error("the service left an event out, or showed one of another log");
    }
    const person = roster.people.get(event.by);
    if (event.by !== reporter && person === undefined) throw new Error("an author who is not on the roster");
    verifyEvent(event, event.by === reporter ? key : decode64(person!.key));
    apply(room, event, roster);
    head = { seq: event.seq, leaf: event.leaf };
  }
  // Of a room that the reporter does not read, events are left out: the head is the service's word.
  return room;
}

export function epochOf(room: Room): number {
  return room.recipients.length;
}

export function recipientOf(room: Room): string {
  return room.recipients[room.recipients.length - 1]!;
}

// Whose work a room of a reporter's is, and who reads it beside them; as `domain/rooms.py` has it.
const ASSIGNED = { workers: ["intake", "handler"], guests: ["translator", "panel"], standsIn: true };
const MEDIATION = { workers: ["mediator"], guests: ["respondent", "translator"], standsIn: false };
const rolesOf = (room: Room): typeof ASSIGNED => (room.name === "mediation" ? MEDIATION : ASSIGNED);

/** The key ids of those who may read what is written now. */
export function present(room: Room, roster: Roster): Set<string> {
  const active = (reader: string): readonly string[] => {
    const person = roster.people.get(reader);
    return person?.state === "active" ? person.roles : [];
  };
  const holds = (reader: string, roles: readonly string[]): boolean =>
    roles.some((role) => active(reader).includes(`${role}:${room.channel}`));
  const { workers, guests, standsIn } = rolesOf(room);
  const works = (reader: string): boolean =>
    (standsIn && active(reader).includes("outsider")) || holds(reader, workers);
  const others = [...room.readers].filter((reader) => reader !== room.reporter);
  const staff = others.filter((reader) => works(reader) || holds(reader, guests));
  const fallback = roster.channels.get(room.channel)?.fallback ?? "";
  if (standsIn && !staff.some(works) && active(fallback).length > 0) staff.push(fallback);
  const reads = room.readers.has(room.reporter) && !room.closedToReading;
  return new Set(reads ? [...staff, room.reporter] : staff);
}

/** Whether somebody holds the current epoch's key who may no longer read, or nobody does who should. */
export function stale(room: Room, roster: Roster): boolean {
  const now = present(room, roster);
  const same = now.size === room.wrapped.size && [...now].every((reader) => room.wrapped.has(reader));
  return !same || !(now.has(room.begunBy) || room.begunBy === room.reporter);
}

function apply(room: Room, event: Event, roster: Roster): void {
  if ((event.kind === "room.opened") !== (event.seq === 1)) throw new Error("a room is opened once");
  const reads = room.readers.has(event.by) || roster.people.get(event.by)?.roles.includes("outsider") === true;
  const own = event.by === room.reporter;
  const body = event.body;
  switch (event.kind) {
    case "room.opened":
      if (!(own || opensMediation(room, event, roster)) || body["room"] !== room.name) {
        throw new Error("somebody else opened this room");
      }
      begin(room, event, 1);
      room.readers = new Set(room.wrapped);
      break;
    case "room.advanced":
      if (!own && !reads) throw new Error("an event by somebody who has no say in this room");
      begin(room, event, epochOf(room) + 1);
      room.readers = new Set([...room.readers, ...room.wrapped]);
      break;
    case "access.granted": {
      const reader = String(body["reader"]);
      const roles = roster.people.get(reader)?.roles ?? [];
      const { workers, guests } = rolesOf(room);
      const given = [...workers, ...guests].some((role) => roles.includes(`${role}:${room.channel}`));
      if (own || !reads || !given) throw new Error("an access that nobody could give");
      for (const wrap of records(event, "wraps")) {
        room.wraps.push({ reader, epoch: Number(wrap["epoch"]), digest: String(wrap["sha256"]) });
      }
      room.revoked.delete(reader);
      room.readers.add(reader);
      room.wrapped.add(reader);
      break;
    }
    case "access.revoked":
      if (own || !(reads || roster.people.get(event.by)?.roles.includes("steward"))) throw new Error("no say");
      room.readers.delete(String(body["reader"]));
      room.revoked.add(String(body["reader"]));
      break;
    case "mailbox.closed_to_reading":
      if (!own) throw new Error("only the reporter closes a mailbox");
      room.closedToReading = true;
      break;
    case "report.added":
      if (!own) throw new Error("only the reporter adds to a report");
      break;
    case "message.posted":
      if (!own && !reads) throw new Error("an event by somebody who has no say in this room");
      break;
    default:
    // Whoever holds a share says that it is right, or is not: that changes nothing here.
  }
  room.events.push(event);
}

function opensMediation(room: Room, event: Event, roster: Roster): boolean {
  const roles = roster.people.get(event.by)?.roles ?? [];
  return room.name === "mediation" && roles.includes(`mediator:${room.channel}`);
}

function begin(room: Room, event: Event, epoch: number): void {
  const wraps = records(event, "wraps").map((wrap) => ({
    reader: String(wrap["reader"]),
    epoch,
    digest: String(wrap["sha256"]),
  }));
  room.recipients.push(String(event.body["recipient"]));
  room.appointed.push(String(event.body["appointed"] ?? ""));
  room.holders = new Set(records(event, "shares").map((share) => String(share["holder"])));
  if (epoch === 1) for (const holder of room.holders) room.firstHolders.add(holder);
  room.wraps.push(...wraps);
  room.wrapped = new Set(wraps.map((wrap) => wrap.reader));
  room.begunBy = event.by;
}
