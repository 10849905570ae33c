/**
 * A sealed report as one file, to be sent later from anywhere: `meyasubako/sealed-report/v1`.
 *
 * - First line: that name. Second line: JSON with the events without day and signature, the signatures of each
 *   day on which it may arrive, and digest and size of each payload. Then the payloads, one after another.
 * - An event says its day, which the service compares with its own: so there is one signature for each day.
 */
import type { Request } from "./acts.js";
import type { JsonObject } from "./canonical.js";
import { signature } from "./events.js";

export const NAME = "meyasubako/sealed-report/v1";
export const DAYS = 31;

/** The file's parts in their order; `kept` are the large payloads, by digest. */
export function envelope(request: Request, kept: ReadonlyMap<string, Blob>): BlobPart[] {
  const payloads = new Map<string, BlobPart & { readonly length?: number; readonly size?: number }>([
    ...[...request.payloads].map(([digest, data]) => [digest, new Blob([data.slice()])] as const),
    ...kept,
  ]);
  const rows: JsonObject[] = [...payloads].map(([sha256, data]) => ({ sha256, size: data.size ?? 0 }));
  const signatures: JsonObject = {};
  // The day before: whoever receives it may live where it is still yesterday, by a clock that goes wrong.
  for (let ahead = -1; ahead < DAYS; ahead += 1) {
    const day = dayAfter(request.day, ahead);
    signatures[day] = request.undated.map((fields) => signature({ ...fields, at: day }, request.key));
  }
  const head = JSON.stringify({ events: request.undated, payloads: rows, signatures });
  return [`${NAME}\n${head}\n`, ...payloads.values()];
}

export function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(day) + days * 24 * 3600 * 1000).toISOString().slice(0, 10);
}
