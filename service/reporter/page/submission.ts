/**
 * A report sealed in the page: the receipt is made here, and the server learns two public keys of it.
 *
 * - Files are sealed and sent one by one; what was sent is not sealed again when something later fails.
 * - Sending is repeated with the very same bytes where an answer was lost: it cannot arrive twice.
 */
import { freshId, newRoom, Request, submit, type NewRoom, type Place, type Told } from "./acts.js";
import type { JsonObject } from "./canonical.js";
import { drawn, keepers, staying, type Choice } from "./choice.js";
import { now, postEvents, Refused, Unreachable, type Accepted } from "./door.js";
import { derive, encode64, identity, signingKey, type Identity, type SigningKey } from "./keys.js";
import { isSealed, SEALED_TYPE } from "./own_tools.js";
import * as receipts from "./receipt.js";
import type { Roster } from "./roster.js";
import { SealingFile, SMALL, type Binding, type SealedFile } from "./sealing.js";
import { holding } from "./shares.js";
import { upload, type Progress } from "./uploads.js";

const SENDS = 4;
const READERS_CHANGED = ["reader-on-roster", "channel-as-published", "shares-exactly", "custodians-read-no-report"];

/** What a reporter says; `excluded` is everybody who must hold nothing of the case. */
export interface Words extends Choice {
  readonly text: string;
  readonly answers: JsonObject;
  readonly readable: string;
  readonly language: string;
  /** Who the reporter is, in their own words; empty where they do not say. */
  readonly identity: string;
}

/** Takes a large sealed file as it is made; the page's uploads it, the offline page's keeps it. */
export type Store = (file: SealingFile, progress: Progress) => Promise<void>;

/** One report from its receipt to its sending. Keep it for another try: nothing is made or sent twice. */
export class Submission {
  readonly entropy = receipts.generate();
  readonly stream = freshId();
  private readonly sealedFiles = new Map<Blob, SealedFile>();
  private readonly small = new Map<Blob, readonly [string, Uint8Array]>();
  private telling: NewRoom | undefined;

  private constructor(
    readonly roster: Roster,
    readonly rooms: readonly [NewRoom, NewRoom],
  ) {}

  static async begin(roster: Roster): Promise<Submission> {
    return new Submission(roster, [await newRoom(), await newRoom()]);
  }

  get key(): SigningKey {
    return signingKey(derive(this.entropy, "sign", this.roster.origin));
  }

  private reporter(): Promise<Identity> {
    return identity(derive(this.entropy, "age", this.roster.origin));
  }

  /** Seal the files that are not sealed yet, then everything else. */
  async prepare(
    words: Words,
    files: readonly File[],
    day: string,
    store: Store,
    progress: Progress,
  ): Promise<Request> {
    const request = new Request(this.roster.origin, this.key, day, now());
    const binding = request.binding(this.stream, "report.submitted");
    const sealed: SealedFile[] = [];
    for (const file of files) {
      sealed.push(await this.attach(file, binding, store, progress));
      const small = this.small.get(file);
      if (small !== undefined) request.payloads.set(...small);
    }
    const { channel, excluded, text, answers, readable, language } = words;
    const place = placeOf(this.roster, channel);
    await submit(
      request,
      {
        document: { answers, excluded: [...excluded].sort(), language, text, v: 1 },
        readable,
        files: sealed,
        told: await this.told(words),
        holding: holding(this.roster, channel, "recovery", new Set(excluded)),
      },
      place,
      this.stream,
      this.rooms,
      await this.reporter(),
      drawn(this.roster, channel, staying(this.roster, words)),
      encode64(request.key.publicKey),
    );
    return request;
  }

  /** Who the reporter is, in a room whose key is cut into shares here, and never leaves this page whole. */
  private async told(words: Words): Promise<Told | undefined> {
    if (words.identity === "") return undefined;
    const found = keepers(this.roster, words);
    if (found === undefined) throw new Error("too few custodians are left to keep who the reporter is");
    this.telling ??= await newRoom();
    return { room: this.telling, document: { text: words.identity, v: 1 }, holding: found };
  }

  private async attach(file: File, binding: Binding, store: Store, progress: Progress): Promise<SealedFile> {
    const known = this.sealedFiles.get(file);
    if (known !== undefined) return known;
    const recipient = this.rooms[0].identity.recipient;
    const { made, small } = await sealFile(file, recipient, binding, store, progress);
    if (small !== undefined) this.small.set(file, [made.reference.sha256, small]);
    this.sealedFiles.set(file, made);
    return made;
  }
}

/** Seal one file; small ones come back to travel beside the event, large ones go to the store. */
export async function sealFile(
  file: File,
  recipient: string,
  binding: Binding,
  store: Store,
  progress: Progress,
): Promise<{ made: SealedFile; small: Uint8Array | undefined }> {
  const sealing = await SealingFile.begin(file, recipient, binding);
  let small: Uint8Array | undefined;
  if (sealing.size <= SMALL) {
    small = new Uint8Array(sealing.size);
    let place = 0;
    for await (const piece of sealing.pieces()) {
      small.set(piece, place);
      place += piece.length;
    }
    progress(sealing.size, false);
  } else {
    await store(sealing, progress);
  }
  const name = plainName(file.name);
  const type = (await isSealed(file, name)) ? SEALED_TYPE : file.type === "" ? "application/octet-stream" : file.type;
  const made = { reference: sealing.reference(), name, type, size: file.size };
  return { made, small };
}

/** The store of a page that is connected: uploads, whose places are kept to be discarded on leaving. */
export function uploading(places: Set<string>, stop: AbortSignal): Store {
  return async (file, progress) => {
    places.add(await upload(file.size, file.pieces(), progress, stop));
  };
}

/** Post until an answer comes, the same bytes each time. */
export async function send(request: Request): Promise<Accepted> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await postEvents(request);
    } catch (error) {
      if (!(error instanceof Unreachable) || tries === SENDS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000 * tries));
    }
  }
}

/** Whether the roster that was used is not good any more: the list of readers has to be shown again. */
export function readersChanged(error: unknown): boolean {
  return error instanceof Refused && READERS_CHANGED.includes(error.problem);
}

function placeOf(roster: Roster, name: string): Place {
  const channel = roster.channels.get(name);
  if (channel === undefined) throw new Error("there is no such channel");
  return { channel: name, card: channel.card, questionnaire: channel.questionnaire, marker: roster.marker };
}

/** A file's own name, as the server's code keeps it: no path, no control characters, at most 200 characters. */
export function plainName(name: string): string {
  const last = name.replace(/\\/g, "/").split("/").pop() ?? "";
  const shown = last.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "");
  return [...shown].slice(0, 200).join("") || "file";
}
