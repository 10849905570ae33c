/**
 * The closed tar profile of `crypto/tar.py`: what is inside every sealed payload.
 *
 * - A payload is one of four shapes: a report, a message, an identity, a file. Names, order and padding are fixed.
 * - A header is a function of name and size; a reader makes it anew and compares every byte.
 * - Length: two zero blocks, then zeros up to the Padmé size, rounded up to 512, not below the shape's floor;
 *   an identity has one size only.
 */
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { equalBytes } from "./canonical.js";

export const BLOCK = 512;
export const REPORT_FLOOR = 16384;
export const MESSAGE_FLOOR = 4096;
export const IDENTITY_SIZE = 4096;
const USTAR_LIMIT = 8 ** 11;

export type Member = readonly [name: string, content: Uint8Array];

const SHAPES: readonly (readonly [names: string, floor: number, exact: boolean])[] = [
  ["about.json report.json report.txt files.json", REPORT_FLOOR, false],
  ["about.json message.json files.json", MESSAGE_FLOOR, false],
  ["about.json identity.json", IDENTITY_SIZE, true],
  ["about.json file", REPORT_FLOOR, false],
];

/** The padded tar of a report, a message or an identity, its members in the shape's order. */
export function pack(members: readonly Member[]): Uint8Array {
  const parts = members.flatMap(([name, content]) => [header(name, content.length), content, fill(content.length)]);
  const data = concatBytes(...parts);
  const out = new Uint8Array(sizeOf(members.map(([name]) => name), data.length + 2 * BLOCK));
  out.set(data);
  return out;
}

/** What stands before a file's content, and how many zeros follow it. */
export function fileArchive(about: Uint8Array, size: number): { head: Uint8Array; tail: number } {
  const head = concatBytes(header("about.json", about.length), about, fill(about.length), header("file", size));
  const total = paddedSize(head.length + upToBlock(size) + 2 * BLOCK, REPORT_FLOOR);
  return { head, tail: total - head.length - size };
}

/** The members of a padded tar in memory; throws unless every byte is where the profile has it. */
export function unpack(data: Uint8Array): Map<string, Uint8Array> {
  const members = new Map<string, Uint8Array>();
  let place = 0;
  while (data[place] !== 0) {
    const name = nameOf(data.subarray(place, place + BLOCK));
    const size = parseHeader(name, data.subarray(place, place + BLOCK));
    const end = place + BLOCK + size;
    if (end > data.length || members.has(name)) throw new Error("the archive is cut short");
    members.set(name, data.slice(place + BLOCK, end));
    place = upToBlock(end);
    allZero(data.subarray(end, place));
  }
  if (data.length !== sizeOf([...members.keys()], place + 2 * BLOCK)) throw new Error("padding");
  allZero(data.subarray(place));
  return members;
}

/** A file's archive as it streams in: gives about.json first, then the content in pieces of any size. */
export async function* readFileArchive(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const source = new Exact(pieces);
  const aboutSize = parseHeader("about.json", await source.take(BLOCK));
  const about = await source.take(upToBlock(aboutSize));
  allZero(about.subarray(aboutSize));
  yield about.slice(0, aboutSize);
  let head = await source.take(BLOCK);
  // A file of 8 GiB or more has a pax header before its own.
  if (head[156] === 0x78) head = concatBytes(head, await source.take(2 * BLOCK));
  const size = parseHeader("file", head);
  for (let left = size; left > 0; ) {
    const piece = await source.some(left);
    left -= piece.length;
    yield piece;
  }
  const place = BLOCK + upToBlock(aboutSize) + head.length + size;
  const total = paddedSize(upToBlock(place) + 2 * BLOCK, REPORT_FLOOR);
  for (let left = total - place; left > 0; ) {
    const piece = await source.some(left);
    allZero(piece);
    left -= piece.length;
  }
  await source.ended();
}

/** Padmé (Nikitin et al. 2019, section 4), up to whole blocks, not below the floor. Sizes go beyond 32 bits. */
export function paddedSize(size: number, floor: number): number {
  if (size > 1) {
    const exponent = Math.floor(Math.log2(size));
    const low = 2 ** Math.max(exponent - Math.floor(Math.log2(exponent)) - 1, 0);
    size = Math.ceil(size / low) * low;
  }
  return Math.max(upToBlock(size), floor);
}

export function header(name: string, size: number): Uint8Array {
  if (size < USTAR_LIMIT) return block(name, size, "0");
  const record = `${String(size).length + 9} size=${size}\n`;
  const padded = new Uint8Array(BLOCK);
  padded.set(utf8ToBytes(record));
  return concatBytes(block("././@PaxHeader", record.length, "x"), padded, block(name, 0, "0"));
}

function block(name: string, size: number, kind: string): Uint8Array {
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, "0");
  const fields = new Uint8Array(BLOCK);
  const put = (place: number, text: string): void => fields.set(utf8ToBytes(text), place);
  put(0, name);
  put(100, "0000600\0" + "0000000\0".repeat(2) + octal(size, 11) + "\0" + octal(0, 11) + "\0" + " ".repeat(8) + kind);
  put(257, "ustar\x0000");
  put(329, "0000000\0".repeat(2));
  put(148, octal(fields.reduce((sum, byte) => sum + byte, 0), 6) + "\0 ");
  return fields;
}

function parseHeader(name: string, data: Uint8Array): number {
  const text = new TextDecoder("latin1").decode(data);
  const pax = data.length > BLOCK;
  const found = pax ? /^[0-9]{2} size=([0-9]{10,16})\n/.exec(text.slice(BLOCK))?.[1] : text.slice(124, 135);
  const size = found === undefined ? NaN : parseInt(found, pax ? 10 : 8);
  if (!Number.isSafeInteger(size) || size < 0 || !equalBytes(header(name, size), data)) {
    throw new Error("a header is outside the closed profile");
  }
  return size;
}

function nameOf(data: Uint8Array): string {
  return new TextDecoder("latin1").decode(data.subarray(0, 100)).replace(/\0+$/, "");
}

/** How long a payload with these members is whose archive takes so many bytes. */
function sizeOf(names: readonly string[], size: number): number {
  const shape = SHAPES.find(([known]) => known === names.join(" "));
  if (shape === undefined) throw new Error("the members are not those of a payload");
  const [, floor, exact] = shape;
  if (exact && size > floor) throw new Error("the archive is longer than it must be");
  return paddedSize(size, floor);
}

function upToBlock(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

function fill(size: number): Uint8Array {
  return new Uint8Array(upToBlock(size) - size);
}

function allZero(data: Uint8Array): void {
  if (data.some((byte) => byte !== 0)) throw new Error("the padding is not zero");
}

/** Reads exact counts of bytes from pieces of any size. */
class Exact {
  private readonly pieces: AsyncIterator<Uint8Array>;
  private rest: Uint8Array = new Uint8Array();

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.pieces = pieces[Symbol.asyncIterator]();
  }

  async some(size: number): Promise<Uint8Array> {
    while (this.rest.length === 0) {
      const next = await this.pieces.next();
      if (next.done === true) throw new Error("the archive is cut short");
      this.rest = next.value;
    }
    const piece = this.rest.subarray(0, size);
    this.rest = this.rest.subarray(piece.length);
    return piece;
  }

  async take(size: number): Promise<Uint8Array> {
    const out = new Uint8Array(size);
    for (let place = 0; place < size; ) {
      const piece = await this.some(size - place);
      out.set(piece, place);
      place += piece.length;
    }
    return out;
  }

  async ended(): Promise<void> {
    for (;;) {
      const next = await this.pieces.next();
      if (next.done === true) break;
      if (next.value.length > 0) throw new Error("the archive is too long");
    }
    if (this.rest.length > 0) throw new Error("the archive is too long");
  }
}
