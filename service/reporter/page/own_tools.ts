/**
 * Files that their senders sealed with age themselves, and the keys to seal them to: as `own_tools.py` and
 * `crypto/age/strangers.py` have it.
 *
 * - A file is taken for one if it is called so or begins so, and then all is checked that can be without a key
 *   (C2SP age.md): nobody finds out months later that it was damaged. Like any other it is sealed once more.
 * - The keys are those of exactly the people who will read, by the roster that this page has verified.
 */
import { armor } from "age-encryption";
import { base64nopad } from "@scure/base";
import { cardText, type Person, type Roster } from "./roster.js";
import { sentence } from "./view.js";

export const SEALED_TYPE = "application/age-encryption";
const VERSION = "age-encryption.org/v1\n";
/** How armor begins, as far as it is taken for damaged armor rather than for something else. */
const ARMOR = /^[ \t\r\n]*-----BEGIN AGE ENCRYPTED FILE/;
/** As many bytes as a header may have. */
const HEADER = 1024 * 1024;
const NONCE = 16;
const TAG = 16;
const CHUNK = 64 * 1024 + TAG;
const COLUMNS = 64;
/** Bytes of a known stanza's arguments, and of its body. */
const KNOWN: Record<string, readonly (number | "work")[]> = {
  X25519: [32, 32],
  mlkem768x25519: [1120, 32],
  scrypt: [16, "work", 32],
};

/** Whether a file sets out to be one that its sender sealed. */
export async function isSealed(file: Blob, name: string): Promise<boolean> {
  if (name.toLowerCase().endsWith(".age")) return true;
  // A file that cannot be read is told of before it is sent.
  const start = await beginning(file).catch(() => "");
  return start.startsWith("age-encryption.org/") || ARMOR.test(start);
}

/** Whether a whole sealed file, binary or armored, is one as far as that can be told without a key. */
export async function isWhole(file: Blob): Promise<boolean> {
  try {
    const armored = ARMOR.test(await beginning(file));
    const whole = armored ? new Blob([new Uint8Array(armor.decode(await file.text()))]) : file;
    const header = headerSize(latin(new Uint8Array(await whole.slice(0, HEADER).arrayBuffer())));
    const size = whole.size - header - NONCE;
    // The last chunk holds something, unless it is the only one.
    const last = size % CHUNK;
    return size >= TAG && (last === 0 || last >= TAG) && !(last === TAG && size > TAG);
  } catch {
    return false;
  }
}

/** The keys of these people as age takes them with -R, each below its owner's name. */
export function readersFile(roster: Roster, people: readonly Person[]): string {
  const said = [
    roster.origin,
    sentence("fingerprint", { fingerprint: roster.fingerprint }),
    sentence("compare"),
    "age -R readers.txt -o FILE.age FILE",
  ];
  const named = people.flatMap((each) => {
    const owner = `${cardText(roster, each.card, "name")} ${cardText(roster, each.card, "title")}`;
    return ["", comment(owner), each.recipient];
  });
  return [...said.map(comment), ...named, ""].join("\n");
}

/** Bytes of an age header; throws where it is none. */
function headerSize(text: string): number {
  if (!text.startsWith(VERSION)) throw new Error("another version, or no age file");
  const types: string[] = [];
  let place = VERSION.length;
  const line = (): string => {
    const end = text.indexOf("\n", place);
    if (end < 0) throw new Error("the header has no end");
    const found = text.slice(place, end);
    place = end + 1;
    return found;
  };
  for (let found = line(); ; found = line()) {
    const mac = /^--- (.+)$/.exec(found)?.[1];
    if (mac !== undefined) {
      if (types.length === 0 || base64nopad.decode(mac).length !== 32) throw new Error("an unfinished header");
      break;
    }
    const stanza = /^->((?: [!-~]+)+)$/.exec(found)?.[1];
    if (stanza === undefined) throw new Error("no stanza");
    const [type = "", ...values] = stanza.slice(1).split(" ");
    let body = "";
    for (let part = line(); ; part = line()) {
      body += part;
      if (part.length > COLUMNS) throw new Error("a long line");
      if (part.length < COLUMNS) break;
    }
    check(type, values, base64nopad.decode(body).length);
    types.push(type);
  }
  if (types.includes("scrypt") && types.length > 1) throw new Error("a pass phrase stands beside others");
  return place;
}

/** Stanzas of a known type have their form; others are well-formed, and never guessed at. */
function check(type: string, values: readonly string[], body: number): void {
  const form = KNOWN[type];
  if (form === undefined) return;
  const told = [...values.map((value, place) => (form[place] === "work" ? value : base64nopad.decode(value).length)), body];
  const fits = told.length === form.length && form.every((wanted, place) => {
    return wanted === "work" ? /^[1-9][0-9]?$/.test(String(told[place])) : wanted === told[place];
  });
  if (!fits) throw new Error(`a ${type} stanza of another form`);
}

async function beginning(file: Blob): Promise<string> {
  return latin(new Uint8Array(await file.slice(0, 1100).arrayBuffer()));
}

function latin(data: Uint8Array): string {
  return new TextDecoder("latin1").decode(data);
}

/** A name is what somebody wrote on a card: it stays on its line. */
function comment(text: string): string {
  return `# ${text.replace(/[\s\p{C}]+/gu, " ").trim()}`;
}
