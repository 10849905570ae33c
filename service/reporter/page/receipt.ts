/**
 * The receipt as people read and type it: twelve groups of four digits, or twelve BIP-39 words.
 *
 * - BIP-39 does the checksum; its "words" are here the indices 0000 to 2047 themselves.
 * - The ten lists of real words are a file of their own, fetched only where somebody wants words, and believed
 *   only under the digest that this script carries.
 * - Any script's digits, spaces, dashes and invisible characters are accepted. Nothing is guessed.
 */
import { entropyToMnemonic, mnemonicToEntropy } from "@scure/bip39";
import { randomBytes } from "@noble/hashes/utils.js";

export const INDICES: string[] = Array.from({ length: 2048 }, (_, index) => String(index).padStart(4, "0"));
const GROUPS = 12;

/** Why a text is no receipt; `group` is the place, 1 to 12, of an impossible group. */
export class BadReceipt extends Error {
  constructor(
    readonly why: "count" | "group" | "check",
    readonly group = 0,
  ) {
    super("no receipt");
  }
}

export function generate(): Uint8Array {
  return randomBytes(16);
}

export function digits(entropy: Uint8Array): string {
  return entropyToMnemonic(entropy, INDICES);
}

export function words(entropy: Uint8Array, list: readonly string[]): string {
  return digits(entropy)
    .split(" ")
    .map((index) => list[Number(index)]!.normalize("NFC"))
    .join(" ");
}

export function hasDigits(text: string): boolean {
  return /\p{Nd}/u.test(text);
}

/** The 16 bytes of a receipt typed in digits of any script. */
export function parseDigits(text: string): Uint8Array {
  let groups = tokens(text).map(latinDigits);
  const together = groups.join("");
  if ([...together].length === 4 * GROUPS) {
    groups = Array.from({ length: GROUPS }, (_, place) => [...together].slice(4 * place, 4 * place + 4).join(""));
  }
  if (groups.length !== GROUPS) throw new BadReceipt("count");
  groups.forEach((group, place) => {
    if (!INDICES.includes(group)) throw new BadReceipt("group", place + 1);
  });
  return checked(groups);
}

/** The 16 bytes of a receipt typed in words; `lists` are the ten of BIP-39. */
export function parseWords(text: string, lists: readonly (readonly string[])[]): Uint8Array {
  const typed = tokens(text).flatMap((token) => (/^[\u3400-\u9fff]+$/.test(token) ? [...token] : [token]));
  if (typed.length !== GROUPS) throw new BadReceipt("count");
  const readings = lists.map((list) => {
    const places = new Map(list.map((word, index) => [folded(word), index]));
    return typed.map((word) => places.get(word) ?? -1);
  });
  const complete = readings.filter((reading) => !reading.includes(-1));
  if (complete.length === 0) {
    const unknown = (reading: number[]): number => reading.filter((index) => index < 0).length;
    const meant = readings.reduce((best, each) => (unknown(each) < unknown(best) ? each : best));
    throw new BadReceipt("group", meant.indexOf(-1) + 1);
  }
  const found: Uint8Array[] = [];
  for (const reading of complete) {
    try {
      found.push(checked(reading.map((index) => INDICES[index]!)));
    } catch {
      // Another list may hold the same words.
    }
  }
  const first = found[0];
  if (first === undefined || found.some((each) => String(each) !== String(first))) throw new BadReceipt("check");
  return first;
}

function checked(groups: readonly string[]): Uint8Array {
  try {
    return mnemonicToEntropy(groups.join(" "), INDICES);
  } catch {
    throw new BadReceipt("check");
  }
}

function tokens(text: string): string[] {
  if (text.length > 1000) throw new BadReceipt("count");
  const spaced = folded(text).replace(/[\p{Z}\p{P}\p{Cc}\u2212]+/gu, " ").replace(/\p{Cf}+/gu, "");
  return spaced.split(" ").filter((token) => token !== "");
}

/** Text as it is compared: decomposed, without case, without the accents that BIP-39 ignores. */
function folded(text: string): string {
  const lower = text.normalize("NFKD").toLowerCase().replace(/\u00df/g, "ss");
  return lower.normalize("NFKD").replace(/[\u0300-\u036f]/g, "");
}

// The digits of every script stand in Unicode in runs of ten.
function latinDigits(token: string): string {
  return token.replace(/\p{Nd}/gu, (digit) => {
    let zero = digit.codePointAt(0)!;
    let value = 0;
    while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) {
      zero -= 1;
      value += 1;
    }
    return String(value);
  });
}
