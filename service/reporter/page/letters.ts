/**
 * A reporter's correspondence, opened and written in the page. The receipt yields the keys and stays here.
 */
import { closeToReading, currentEpoch, post, Request, tell } from "./acts.js";
import { getJson, getPayload, now, Refused, today, Unreachable } from "./door.js";
import { readEvent, reference, verifyEvent, records, type Event, type Head } from "./events.js";
import { decode64, derive, identity, signingKey, type Identity, type SigningKey } from "./keys.js";
import { foldRoom, type Room, type RoomShown } from "./rooms.js";
import { checkAge, type Roster } from "./roster.js";
import { openFile, openText, read, unwrap, type SealedFile } from "./sealing.js";
import { sealFile, send, type Store } from "./submission.js";
import type { Progress } from "./uploads.js";
import { named } from "./wishes.js";

const TRIES = 5;
// Other rooms are none of the reporter's to read here, and nothing is wrapped on their word.
const FOLDED = ["report", "dialogue", "mediation"];
const MOVED = ["conflict", "epoch-is-fresh", "advance-wraps-exactly", "stream-is-whole"];

interface MailboxShown {
  readonly day: string;
  readonly case: {
    readonly stream: string;
    readonly channel: string;
    readonly state: string;
    readonly next: string;
    readonly late_since: string;
    readonly withdrawn: boolean;
    readonly wishes: readonly { readonly code: string; readonly until: string }[];
    readonly head: Head;
  };
  readonly happened: readonly {
    readonly what: string;
    readonly day: string;
    readonly role: string;
    readonly until: string;
  }[];
  readonly rooms: readonly RoomShown[];
  readonly elsewhere: Elsewhere;
}

/** What the service says of rooms that it does not show: who was given them, who lost them, whose key is new. */
export interface Elsewhere {
  readonly given: readonly Access[];
  readonly lost: readonly Access[];
  readonly replaced: readonly { readonly role: string; readonly day: string }[];
}

interface Access {
  readonly role: string;
  readonly room: string;
  readonly day: string;
}

export interface Letter {
  readonly mine: boolean;
  readonly author: string;
  readonly day: string;
  readonly event: Event;
  /** What opens its files. */
  readonly key: Identity | undefined;
  /** Undefined where what is kept of it does not open. */
  readonly text: string | undefined;
  readonly files: readonly SealedFile[];
}

export interface Visit {
  readonly day: string;
  readonly case: MailboxShown["case"];
  readonly happened: MailboxShown["happened"];
  readonly elsewhere: Elsewhere;
  readonly rooms: ReadonlyMap<string, Room>;
  readonly letters: readonly Letter[];
  /** What was said in the mediation; undefined where the reporter joined none. */
  readonly mediation: readonly Letter[] | undefined;
}

export interface Proof {
  readonly event: string;
  readonly file: string;
  readonly final: boolean;
  readonly data: string;
}

export class Letters {
  private tried: { readonly same: string; readonly request: Request } | undefined;

  private constructor(
    private readonly roster: Roster,
    readonly key: SigningKey,
    private readonly identity: Identity,
  ) {}

  static async of(entropy: Uint8Array, roster: Roster): Promise<Letters> {
    const key = signingKey(derive(entropy, "sign", roster.origin));
    return new Letters(roster, key, await identity(derive(entropy, "age", roster.origin)));
  }

  /** Read the mailbox; `Refused` with `no-mailbox` for a receipt that nobody was given here. */
  async visit(): Promise<Visit> {
    const shown = await getJson<MailboxShown>("/api/mailbox", this.key);
    const rooms = new Map<string, Room>();
    for (const each of shown.rooms.filter((room) => FOLDED.includes(room.room))) {
      const room = foldRoom(each, shown.case.channel, this.key.id, this.key.publicKey, this.roster);
      rooms.set(room.name, room);
    }
    const dialogue = rooms.get("dialogue");
    if (dialogue === undefined) throw new Error("the service shows no dialogue");
    const letters = await this.open(dialogue);
    const joined = rooms.get("mediation");
    const mediation = joined === undefined || joined.closedToReading ? undefined : await this.open(joined);
    const { day, happened, elsewhere } = shown;
    return { day, case: shown.case, happened, elsewhere, rooms, letters, mediation };
  }

  /**
   * Write in a room, and with that ask for something, by a code that the visit named. In the report's room it is
   * an addition to the report. A room's next key goes to the people on the roster: an old one is refused here, and not
   * before, since reading seals nothing to anybody.
   */
  async say(
    name: "dialogue" | "mediation" | "report",
    text: string,
    files: readonly File[],
    store: Store,
    progress: Progress,
    code = "",
  ): Promise<void> {
    checkAge(this.roster, today());
    const asked = code === "" ? undefined : named(code);
    const kind = name === "report" ? "report.added" : "message.posted";
    const same = [name, text, code, ...files.map((file) => `${file.name}/${file.size}/${file.lastModified}`)].join("\n");
    // The answer may have been lost only: the very same bytes do not arrive twice.
    if (this.tried?.same === same && (await this.posted(this.tried.request, 1))) return;
    for (let tries = 1; ; tries += 1) {
      const visit = await this.visit();
      const room = visit.rooms.get(name)!;
      const request = this.request(visit);
      const epoch = await currentEpoch(request, room, this.roster, this.identity);
      const binding = request.binding(room.stream, kind);
      const sealed: SealedFile[] = [];
      for (const file of files) {
        const { made, small } = await sealFile(file, epoch.recipient, binding, store, progress);
        if (small !== undefined) request.payloads.set(made.reference.sha256, small);
        sealed.push(made);
      }
      const document = { ...asked?.fields, text, v: 1 };
      const told = await post(request, kind, room.stream, epoch, document, sealed);
      if (asked !== undefined) tell(request, asked, visit.case.stream, told);
      this.tried = { same, request };
      if (await this.posted(request, tries)) return;
    }
  }

  async close(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const visit = await this.visit();
      const request = this.request(visit);
      for (const other of [visit.rooms.get("report"), visit.rooms.get("mediation")]) {
        if (other?.readers.has(this.key.id) === true && !other.closedToReading) closeToReading(request, other.stream);
      }
      closeToReading(request, visit.rooms.get("dialogue")!.stream);
      if (await this.posted(request, tries)) return;
    }
  }

  /** The content of a letter's file, as it authenticates. */
  async file(letter: Letter, file: SealedFile): Promise<AsyncGenerator<Uint8Array, void, undefined>> {
    const sealed = await getPayload(file.reference.sha256, this.key);
    return openFile(sealed, letter.key!, bindingOf(letter.event), file.reference.sha256);
  }

  /** The proof that the report was filed, or the promise of one, of one's own event. */
  async proof(): Promise<Proof> {
    const proof = await getJson<Proof>("/api/proof", this.key);
    const event = readEvent(decode64(proof.event));
    verifyEvent(event, this.key.publicKey);
    if (event.kind !== "report.submitted" || event.log !== this.roster.origin) throw new Error("another's proof");
    return proof;
  }

  private async epochKeys(room: Room): Promise<Map<number, Identity>> {
    const keys = new Map<number, Identity>();
    for (const wrap of room.wraps.filter((each) => each.reader === this.key.id)) {
      try {
        const sealed = await collect(await getPayload(wrap.digest, this.key));
        keys.set(wrap.epoch, await unwrap(sealed, this.identity, room.recipients[wrap.epoch - 1] ?? ""));
      } catch (error) {
        // A wrap that does not open opens nothing, and closes nothing either.
        if (broken(error)) throw error;
      }
    }
    return keys;
  }

  private async open(room: Room): Promise<Letter[]> {
    const keys = room.closedToReading ? new Map<number, Identity>() : await this.epochKeys(room);
    const letters: Letter[] = [];
    for (const event of room.events.filter((each) => each.kind === "message.posted")) {
      const key = keys.get(Number(event.body["epoch"]));
      const mine = event.by === this.key.id;
      let opened: { text: string; files: readonly SealedFile[] } | undefined;
      if (key !== undefined) {
        try {
          const sealed = await collect(await getPayload(reference(event.body["message"]).sha256, this.key));
          opened = await openText(sealed, key, bindingOf(event), records(event, "files").map(reference));
        } catch (error) {
          if (broken(error)) throw error;
        }
      }
      letters.push({ mine, author: event.by, day: event.at, event, key, text: opened?.text, files: opened?.files ?? [] });
    }
    return letters;
  }

  private request(visit: Visit): Request {
    const heads = [...visit.rooms.values()].map((room) => {
      const last = room.events[room.events.length - 1];
      return [room.stream, { seq: last?.seq ?? 0, leaf: last?.leaf ?? "" }] as const;
    });
    heads.push([visit.case.stream, visit.case.head]);
    return new Request(this.roster.origin, this.key, visit.day, now(), heads);
  }

  private async posted(request: Request, tries: number): Promise<boolean> {
    try {
      await send(request);
      this.tried = undefined;
      return true;
    } catch (error) {
      if (tries < TRIES && error instanceof Refused && MOVED.includes(error.problem)) return false;
      throw error;
    }
  }
}

/** Which people were given which room, and since when, as the room's events tell it: key id and day. */
export function* given(room: Room): Generator<readonly [string, string]> {
  const told = new Set([room.reporter]);
  for (const event of room.events) {
    const readers = records(event, "wraps").flatMap((wrap) => (typeof wrap["reader"] === "string" ? [wrap["reader"]] : []));
    if (event.kind === "access.granted") {
      readers.push(String(event.body["reader"]));
      told.delete(String(event.body["reader"]));
    }
    for (const reader of readers.filter((each) => !told.has(each))) {
      told.add(reader);
      yield [reader, event.at];
    }
  }
}

/** Whose access to a room was taken away, and when: key id and day. */
export function lost(room: Room): (readonly [string, string])[] {
  const taken = room.events.filter((event) => event.kind === "access.revoked");
  return taken.map((event) => [String(event.body["reader"]), event.at] as const);
}

function bindingOf(event: Event): { log: string; stream: string; author: string; kind: string } {
  return { log: event.log, stream: event.stream, author: event.by, kind: event.kind };
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of read(stream)) pieces.push(piece);
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let place = 0;
  for (const piece of pieces) {
    out.set(piece, place);
    place += piece.length;
  }
  return out;
}

// A broken connection is told apart from what is wrong with the bytes, so that it is not called damage.
function broken(error: unknown): boolean {
  return error instanceof Unreachable || error instanceof TypeError;
}
