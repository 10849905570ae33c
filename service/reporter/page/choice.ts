/**
 * Whom a reporter's choice makes the readers, and who then keeps what: as `service/reporter/sending.py` has it.
 *
 * - Whoever is ticked holds nothing of the case. Who would rather not say leaves out everybody but the person
 *   outside and the custodians, who keep only what is told them.
 * - Who may be among the readers holds no share of who the reporter is.
 */
import { randomBytes } from "@noble/hashes/utils.js";
import { fallbackOf, intake, type Person, type Roster } from "./roster.js";
import { holding, identityOffered, type Holding } from "./shares.js";

export interface Choice {
  readonly channel: string;
  readonly excluded: readonly string[];
  readonly rather_not_say: boolean;
}

/** Who can restore access to a report on this channel from which nobody is left out, some of them together. */
export function recoverers(roster: Roster, channel: string): Holding | undefined {
  const found = holding(roster, channel, "recovery", new Set());
  return found !== undefined && found.people.size > 0 ? found : undefined;
}

/** Who would keep who the reporter is, if nobody is left out. */
export function custodians(roster: Roster, channel: string): Holding | undefined {
  return identityOffered(roster, channel, new Set());
}

/** Whoever holds a share of something and does not read reports besides. */
export function holders(roster: Roster, channel: string): Person[] {
  const reading = new Set(intake(roster, channel).map((person) => person.key_id));
  const found = [recoverers(roster, channel), custodians(roster, channel)].flatMap((each) => [...(each?.people.keys() ?? [])]);
  return [...new Set(found)].filter((keyId) => !reading.has(keyId)).map((keyId) => roster.people.get(keyId)!);
}

/** Everybody who must hold nothing of the case, as the sealed report tells it. */
export function leftOut(roster: Roster, choice: Choice): string[] {
  const fallback = fallbackOf(roster, choice.channel);
  const listed = [...intake(roster, choice.channel), ...(fallback ? [fallback] : []), ...holders(roster, choice.channel)];
  const named = [...new Set(listed.map((person) => person.key_id))];
  // Whoever would help restore access may be involved too; custodians keep only what is told them.
  const trusted = [fallback?.key_id, ...(custodians(roster, choice.channel)?.people.keys() ?? [])];
  const spared = choice.rather_not_say && fallback !== undefined ? trusted : named;
  return named.filter((keyId) => !spared.includes(keyId) || choice.excluded.includes(keyId));
}

/** From whom the readers are taken: those not left out, else the fallback, else nobody. */
export function staying(roster: Roster, choice: Choice): Person[] {
  const out = leftOut(roster, choice);
  const fallback = fallbackOf(roster, choice.channel);
  const left = intake(roster, choice.channel).filter((person) => !out.includes(person.key_id));
  return left.length > 0 || fallback === undefined || out.includes(fallback.key_id) ? left : [fallback];
}

/** The custodians who keep who the reporter is; undefined where too few are left. */
export function keepers(roster: Roster, choice: Choice): Holding | undefined {
  const reading = staying(roster, choice).map((person) => person.key_id);
  return identityOffered(roster, choice.channel, new Set([...leftOut(roster, choice), ...reading]));
}

/** The readers, drawn where the channel asks for it, so that an absence says nothing about the report. */
export function drawn(roster: Roster, channel: string, people: readonly Person[]): Map<string, string> {
  const draw = roster.channels.get(channel)?.draw ?? 0;
  const left = [...people];
  while (draw > 0 && left.length > draw) left.splice(below(left.length), 1);
  if (left.length === 0) throw new Error("nobody is left who could read the report");
  return new Map(left.map((person) => [person.key_id, person.recipient]));
}

function below(bound: number): number {
  for (;;) {
    const byte = randomBytes(1)[0]!;
    if (byte < 256 - (256 % bound)) return byte % bound;
  }
}
