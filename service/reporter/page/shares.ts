/**
 * Shares of a room's key (`crypto/shares.py`, `domain/holders.py`): of an identity for custodians, of the other
 * rooms for those who can restore lost access.
 *
 * - Shamir's scheme over GF(2^8) with the polynomial 0x11b, byte-wise, x = 1…n; a share is `x ‖ y`, 33 bytes.
 * - The multiplication has no table and no branch that depends on a secret.
 * - Nobody holds a share of a case from which the reporter left them out, or from which they were taken off.
 */
import { randomBytes } from "@noble/hashes/utils.js";
import { bech32 } from "@scure/base";
import type { JsonObject } from "./canonical.js";
import { digestOf, type Identity } from "./keys.js";
import type { Room } from "./rooms.js";
import { usable, type Roster } from "./roster.js";
import { seal, type Sealed } from "./sealing.js";

/** Who gets a share of a new epoch (key id to recipient), how many open it, which leaf appointed them. */
export interface Holding {
  readonly people: ReadonlyMap<string, string>;
  readonly threshold: number;
  readonly leaf: string;
}

/** Exactly those who get a share; nobody where too few are left; undefined where nobody is appointed. */
export function holding(
  roster: Roster,
  channel: string,
  sort: "recovery" | "custodians",
  without: ReadonlySet<string>,
): Holding | undefined {
  const named = roster.channels.get(channel)?.[sort];
  if (named === undefined) return undefined;
  const left = [...named.people].sort().filter((keyId) => usable(roster, keyId) && !standsFor(roster, keyId, without));
  // Insiders alone never open what others read; custodians read nothing but the identity.
  const outside = left.some((keyId) => roster.people.get(keyId)!.roles.includes("outsider"));
  const enough = left.length >= Math.max(2, named.threshold) && (outside || sort === "custodians");
  const people = (enough ? left : []).map((keyId) => [keyId, roster.people.get(keyId)!.recipient] as const);
  return { people: new Map(people), threshold: named.threshold, leaf: named.leaf };
}

/** Who would keep what a reporter tells of themselves; undefined where it is not offered. */
export function identityOffered(roster: Roster, channel: string, without: ReadonlySet<string>): Holding | undefined {
  const found = holding(roster, channel, "custodians", without);
  return found !== undefined && found.people.size > 0 ? found : undefined;
}

/** Who gets a share of the next epoch of a room that recovery opens again. */
export function nextHolding(roster: Roster, room: Room): Holding | undefined {
  const first = roster.appointments[room.appointed[0] ?? ""]?.people ?? [];
  const leftOut = first.filter((keyId) => !room.firstHolders.has(keyId));
  return holding(roster, room.channel, "recovery", new Set([...leftOut, ...room.revoked]));
}

/** The fields that say who holds shares of a room's key, and the shares, each sealed to one holder. */
export async function shareOut(
  room: Identity,
  among: Holding | undefined,
): Promise<{ fields: JsonObject; own: Sealed[] }> {
  if (among === undefined) return { fields: {}, own: [] };
  if (among.people.size === 0) return { fields: { appointed: among.leaf }, own: [] };
  const cut = split(bech32.decodeToBytes(room.secret).bytes, among.threshold, among.people.size);
  const rows: JsonObject[] = [];
  const own: Sealed[] = [];
  for (const [place, [holder, recipient]] of [...among.people].entries()) {
    const sealed = await seal(cut[place]!, recipient);
    rows.push({ holder, share: digestOf(cut[place]!), ...sealed.reference });
    own.push(sealed);
  }
  return { fields: { appointed: among.leaf, shares: rows }, own };
}

export function split(seed: Uint8Array, k: number, n: number): Uint8Array[] {
  if (!(k >= 2 && k <= n && n <= 255)) throw new Error("it takes at least 2 and at most all of the holders");
  const coefficients = [...Array.from({ length: k - 1 }, () => randomBytes(seed.length)), seed];
  return Array.from({ length: n }, (_, place) => {
    const x = place + 1;
    const y = seed.map((_byte, at) => coefficients.reduce((sum, each) => times(sum, x) ^ each[at]!, 0));
    return new Uint8Array([x, ...y]);
  });
}

/** A byte times a byte that everybody may know, in GF(2^8). */
function times(secret: number, factor: number): number {
  let product = 0;
  for (let bit = 0; bit < 8; bit += 1) {
    product ^= secret * ((factor >> bit) & 1);
    secret = ((secret << 1) & 0xff) ^ ((secret >> 7) * 0x1b);
  }
  return product;
}

function standsFor(roster: Roster, keyId: string, others: ReadonlySet<string>): boolean {
  for (let each = keyId; each !== ""; each = roster.people.get(each)?.replaces ?? "") {
    if (others.has(each)) return true;
  }
  return false;
}
