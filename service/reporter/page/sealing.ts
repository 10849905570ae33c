/**
 * Sealing: age files for exactly one post-quantum recipient, and what is inside of them.
 *
 * - A payload's plaintext is a padded tar whose `about.json` binds it to the event that names it.
 * - A wrap's plaintext is exactly a room's identity and a newline.
 * - Files stream in constant memory, in both directions.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { Decrypter, Encrypter } from "age-encryption";
import { decodeDocument, encodeDocument, isObject, type JsonObject } from "./canonical.js";
import { digestOf, identityOf, type Identity } from "./keys.js";
import { BLOCK, fileArchive, IDENTITY_SIZE, pack, readFileArchive, unpack, type Member } from "./tar.js";

/** Sealed payloads up to this size travel beside the event that names them; larger ones are uploaded first. */
export const SMALL = 128 * 1024;
const PIECE = 512 * 1024;
// Bytes of identity.json: its one size without its header, about.json with its own, and the end of the tar.
const IDENTITY_DOCUMENT = IDENTITY_SIZE - 5 * BLOCK;

export type Reference = { sha256: string; size: number };

export interface Sealed {
  readonly reference: Reference;
  readonly data: Uint8Array;
}

/** A file whose payload is stored: what the event says of it, and what only files.json tells. */
export interface SealedFile {
  readonly reference: Reference;
  readonly name: string;
  readonly type: string;
  readonly size: number;
}

/** Which event will name a payload: what about.json says. */
export interface Binding {
  readonly log: string;
  readonly stream: string;
  readonly author: string;
  readonly kind: string;
  readonly time: Date;
}

export interface OpenedText {
  readonly text: string;
  readonly fields: JsonObject;
  readonly files: readonly SealedFile[];
}

export async function seal(plain: Uint8Array, recipient: string): Promise<Sealed> {
  const data = await encrypter(recipient).encrypt(plain);
  return { reference: { sha256: digestOf(data), size: data.length }, data };
}

export async function unseal(data: Uint8Array, identity: Identity): Promise<Uint8Array> {
  return decrypter(identity).decrypt(data);
}

export async function wrap(room: Identity, reader: string): Promise<Sealed> {
  return seal(utf8ToBytes(`${room.secret}\n`), reader);
}

/** The room's identity from a wrap; throws where it is not that of the room's recipient. */
export async function unwrap(sealed: Uint8Array, reader: Identity, roomRecipient: string): Promise<Identity> {
  const found = await identityOf(new TextDecoder().decode(await unseal(sealed, reader)));
  if (found.recipient !== roomRecipient) throw new Error("the wrap holds a key that is not this room's");
  return found;
}

export function about(binding: Binding): Uint8Array {
  const { log, stream, author, kind } = binding;
  return encodeDocument({ log, stream, author, kind, time: `${binding.time.toISOString().slice(0, 19)}Z`, v: 1 });
}

export async function sealText(
  recipient: string,
  binding: Binding,
  main: "report.json" | "message.json",
  document: JsonObject,
  readable: string,
  files: readonly SealedFile[],
): Promise<Sealed> {
  const rows = files.map((file) => ({
    digest: file.reference.sha256,
    name: file.name,
    size: file.size,
    type: file.type,
  }));
  const members: Member[] = [
    ["about.json", about(binding)],
    [main, encodeDocument(document)],
    ...(main === "report.json" ? [["report.txt", utf8ToBytes(readable)] as const] : []),
    ["files.json", encodeDocument({ files: rows, v: 1 })],
  ];
  return seal(pack(members), recipient);
}

/** What somebody tells of themselves: about.json and identity.json, in exactly one size. */
export async function sealIdentity(recipient: string, binding: Binding, document: JsonObject): Promise<Sealed> {
  return seal(pack([["about.json", about(binding)], ["identity.json", encodeDocument(document)]]), recipient);
}

/** Whether what somebody tells of themselves fits into its one size, with what stands beside it. */
export function identityFits(text: string): boolean {
  return encodeDocument({ text, v: 1 }).length <= IDENTITY_DOCUMENT;
}

/** Open a message; `named` are the file references of the event that names it. */
export async function openText(
  sealed: Uint8Array,
  identity: Identity,
  binding: Omit<Binding, "time">,
  named: readonly Reference[],
): Promise<OpenedText> {
  const members = unpack(await unseal(sealed, identity));
  checkAbout(member(members, "about.json"), binding);
  const report = members.has("report.json");
  const fields = decodeDocument(member(members, report ? "report.json" : "message.json"));
  const text = report ? new TextDecoder().decode(member(members, "report.txt")) : String(fields["text"] ?? "");
  const rows = decodeDocument(member(members, "files.json"))["files"];
  const files = (Array.isArray(rows) ? rows : []).map((row) => {
    const reference = named.find((each) => isObject(row) && each.sha256 === row["digest"]);
    if (!isObject(row) || reference === undefined) throw new Error("files.json lists a file of another event");
    const size = Number(row["size"]);
    if (!Number.isSafeInteger(size) || size < 0 || size > reference.size) throw new Error("an impossible size");
    return { reference, name: String(row["name"] ?? ""), type: String(row["type"] ?? ""), size };
  });
  return { text, fields, files };
}

/** A file as its payload: the exact sealed size before the first byte, the pieces, and at the end the digest. */
export class SealingFile {
  readonly size: number;
  private readonly hash = sha256.create();

  private constructor(
    private readonly stream: ReadableStream<Uint8Array>,
    size: number,
  ) {
    this.size = size;
  }

  static async begin(file: Blob, recipient: string, binding: Binding): Promise<SealingFile> {
    const { head, tail } = fileArchive(about(binding), file.size);
    const stream = await encrypter(recipient).encrypt(archiveStream(head, file, tail));
    return new SealingFile(stream, stream.size(head.length + file.size + tail));
  }

  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of read(this.stream)) {
      this.hash.update(piece);
      yield piece;
    }
  }

  /** Once everything was read. */
  reference(): Reference {
    return { sha256: bytesToHex(this.hash.clone().digest()), size: this.size };
  }
}

/** A file's content as it authenticates; throws, also at the end, for other bytes than the event names. */
export async function* openFile(
  sealed: ReadableStream<Uint8Array>,
  identity: Identity,
  binding: Omit<Binding, "time">,
  digest: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = sha256.create();
  const hashed = sealed.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, controller): void {
        hash.update(piece);
        controller.enqueue(piece);
      },
    }),
  );
  let first = true;
  for await (const piece of readFileArchive(read(await decrypter(identity).decrypt(hashed)))) {
    if (first) checkAbout(piece, binding);
    else yield piece;
    first = false;
  }
  if (bytesToHex(hash.digest()) !== digest) throw new Error("another file than the event names");
}

/** A stream's pieces; not every browser can iterate over a stream itself. */
export async function* read(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.releaseLock();
  }
}

function archiveStream(head: Uint8Array, file: Blob, tail: number): ReadableStream<Uint8Array> {
  let place = 0;
  let zeros = tail;
  return new ReadableStream<Uint8Array>({
    start(controller): void {
      controller.enqueue(head);
    },
    async pull(controller): Promise<void> {
      if (place < file.size) {
        const piece = new Uint8Array(await file.slice(place, place + PIECE).arrayBuffer());
        if (piece.length === 0) throw new Error("the file became shorter while it was read");
        place += piece.length;
        controller.enqueue(piece);
      } else if (zeros > 0) {
        const piece = new Uint8Array(Math.min(zeros, PIECE));
        zeros -= piece.length;
        controller.enqueue(piece);
      } else {
        controller.close();
      }
    },
  });
}

function encrypter(recipient: string): Encrypter {
  if (!recipient.startsWith("age1pq1")) throw new Error("not a post-quantum recipient");
  const made = new Encrypter();
  made.addRecipient(recipient);
  return made;
}

function decrypter(identity: Identity): Decrypter {
  const made = new Decrypter();
  made.addIdentity(identity.secret);
  return made;
}

function member(members: Map<string, Uint8Array>, name: string): Uint8Array {
  const found = members.get(name);
  if (found === undefined) throw new Error("a member is missing");
  return found;
}

function checkAbout(data: Uint8Array, binding: Omit<Binding, "time">): void {
  const said = decodeDocument(data);
  const fits = (["log", "stream", "author", "kind"] as const).every((name) => said[name] === binding[name]);
  if (!fits) throw new Error("the payload was made for another event than the one that names it");
}
