/**
 * What a page asks of the reporters' door for programs, and nothing of any other host.
 *
 * - Answers are JSON; a refusal is a problem with a name (RFC 9457).
 * - The mailbox is asked for by requests signed with the receipt's key (RFC 9421); the receipt stays here.
 * - The server's clock is taken from its answers: a phone's may be wrong by hours.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { randomBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { base64urlnopad } from "@scure/base";
import { isObject } from "./canonical.js";
import type { Request } from "./acts.js";
import { encode64, sign, type SigningKey } from "./keys.js";

/** The service said no; `problem` is the name of the reason. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly problem: string,
  ) {
    super("refused");
  }
}

/** No answer came. What was sent may have arrived. */
export class Unreachable extends Error {}

let skew = 0;
let prefix = "";

/** Now, by the server's clock. */
export function now(): Date {
  return new Date(Date.now() + skew);
}

/** The day in UTC, by the server's clock. */
export function today(): string {
  return now().toISOString().slice(0, 10);
}

export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { cache: "no-store", credentials: "omit", redirect: "error", ...init });
  } catch {
    throw new Unreachable("no answer");
  }
  const dated = Date.parse(answer.headers.get("Date") ?? "");
  if (Number.isFinite(dated)) skew = dated - Date.now();
  return answer;
}

export async function getJson<T>(path: string, key?: SigningKey): Promise<T> {
  return json<T>(await (key === undefined ? ask(path) : askSigned(path, key)));
}

/** Each request is taken once. A door that opened a moment ago says how nonces have to begin at it. */
async function askSigned(path: string, key: SigningKey): Promise<Response> {
  const answer = await ask(path, { headers: signedHeaders("GET", path, key) });
  const wanted = answer.headers.get("Nonce-Prefix") ?? "";
  if (answer.status !== 401 || wanted === prefix || !/^[\w-]{1,32}$/.test(wanted)) return answer;
  prefix = wanted;
  return ask(path, { headers: signedHeaders("GET", path, key) });
}

/** A sealed payload of the mailbox, as it arrives. */
export async function getPayload(digest: string, key: SigningKey): Promise<ReadableStream<Uint8Array>> {
  const path = `/api/payloads/${digest}`;
  const answer = await askSigned(path, key);
  if (!answer.ok || answer.body === null) throw await refusal(answer);
  return answer.body;
}

export interface Accepted {
  readonly accepted: readonly { readonly leaf: string; readonly promise: string }[];
}

/** Post a request's events and small payloads. The very same bytes may be posted again. */
export async function postEvents(request: Request): Promise<Accepted> {
  const payloads: Record<string, string> = {};
  for (const [digest, data] of request.payloads) payloads[digest] = encode64(data);
  const body = JSON.stringify({ events: request.events.map((event) => encode64(event.data)), payloads });
  const headers = { "Content-Type": "application/json" };
  return json<Accepted>(await ask("/api/events", { method: "POST", body, headers }));
}

export async function refusal(answer: Response): Promise<Error> {
  // A proxy's or a dying server's answer says nothing about what was sent.
  const said: unknown = await answer.json().catch(() => undefined);
  // Busy, or held back for a while: the same can be asked again.
  if (!isObject(said) || answer.status === 503 || answer.status === 429) return new Unreachable("no answer of the service");
  return new Refused(answer.status, String(said["type"] ?? "").split(":").pop() ?? "");
}

async function json<T>(answer: Response): Promise<T> {
  if (!answer.ok) throw await refusal(answer);
  try {
    return (await answer.json()) as T;
  } catch {
    throw new Unreachable("the answer was cut off");
  }
}

export function signedHeaders(method: string, path: string, key: SigningKey, host = location.host): Record<string, string> {
  const digest = `sha-256=:${encode64(sha256(new Uint8Array()))}:`;
  const covered = '("@method" "@authority" "@path" "@query" "content-digest")';
  const nonce = prefix + base64urlnopad.encode(randomBytes(18));
  const created = Math.floor(now().getTime() / 1000);
  const input = `${covered};created=${created};keyid="${key.id}";nonce="${nonce}";alg="ed25519";tag="meyasubako-1"`;
  const base = [
    `"@method": ${method}`,
    `"@authority": ${host.toLowerCase()}`,
    `"@path": ${path}`,
    '"@query": ?',
    `"content-digest": ${digest}`,
    `"@signature-params": ${input}`,
  ].join("\n");
  return {
    "Content-Digest": digest,
    "Signature-Input": `m=${input}`,
    Signature: `m=:${encode64(sign(utf8ToBytes(base), key))}:`,
  };
}
