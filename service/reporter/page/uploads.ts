/**
 * Sealed files on their way up, by tus 1.0: in parts that are each checked, resumed where a connection broke.
 *
 * - Only one part is held in memory, until the server has said that it is durable.
 * - A part whose answer was lost shows in the server's offset; sealing never has to begin again.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { ask, refusal, Refused, Unreachable } from "./door.js";
import { encode64 } from "./keys.js";

const PART = 1024 * 1024;
const LONGEST_WAIT = 30;
const TUS = { "Tus-Resumable": "1.0.0" };

/** Told how many more bytes are safe, and whether the connection is broken at the moment. */
export type Progress = (bytes: number, broken: boolean) => void;

/** Upload so many sealed bytes; gives the place where they lie until an event names them. */
export async function upload(
  size: number,
  pieces: AsyncIterable<Uint8Array>,
  progress: Progress,
  stop: AbortSignal,
): Promise<string> {
  const place = await persist(() => create(size, stop), progress, stop);
  let offset = 0;
  for await (const part of parts(pieces)) {
    const end = offset + part.length;
    while (offset < end) {
      const start = end - part.length;
      offset = await persist(
        async (again) => {
          if (again) {
            const known = await offsetOf(place, stop);
            if (known < start || known > end) throw new Refused(409, "offset");
            if (known > offset) return known;
          }
          return send(place, offset, part.subarray(offset - start), stop);
        },
        progress,
        stop,
      );
    }
    progress(part.length, false);
  }
  return place;
}

/** Forget uploads that no event will name; also as the page goes away. */
export function discard(places: Iterable<string>): void {
  for (const place of places) {
    void ask(place, { method: "DELETE", headers: TUS, keepalive: true }).catch(() => undefined);
  }
}

async function create(size: number, stop: AbortSignal): Promise<string> {
  const headers = { ...TUS, "Upload-Length": String(size) };
  const answer = await ask("/api/uploads", { method: "POST", headers, signal: stop });
  if (answer.status !== 201) throw await refusal(answer);
  await answer.arrayBuffer();
  const place = answer.headers.get("Location") ?? "";
  // Only a path of this door: what is uploaded goes nowhere else.
  if (!/^\/api\/uploads\/[0-9a-f]{32}$/.test(place)) throw new Refused(201, "location");
  return place;
}

async function send(place: string, offset: number, part: Uint8Array, stop: AbortSignal): Promise<number> {
  const headers = {
    ...TUS,
    "Content-Type": "application/offset+octet-stream",
    "Upload-Offset": String(offset),
    "Upload-Checksum": `sha256 ${encode64(sha256(part))}`,
  };
  const answer = await ask(place, { method: "PATCH", headers, body: part.slice(), signal: stop });
  // Busy, or damaged on the way: nothing of the part was kept.
  if (answer.status === 423 || answer.status === 460) throw new Unreachable("try again");
  if (answer.status !== 204) throw await refusal(answer);
  return Number(answer.headers.get("Upload-Offset"));
}

async function offsetOf(place: string, stop: AbortSignal): Promise<number> {
  const answer = await ask(place, { method: "HEAD", headers: TUS, signal: stop });
  if (answer.status >= 500 || answer.status === 423) throw new Unreachable("try again");
  if (answer.status !== 200) throw new Refused(answer.status, "upload");
  return Number(answer.headers.get("Upload-Offset"));
}

async function persist<T>(act: (again: boolean) => Promise<T>, progress: Progress, stop: AbortSignal): Promise<T> {
  for (let wait = 1, again = false; ; wait = Math.min(2 * wait, LONGEST_WAIT), again = true) {
    try {
      return await act(again);
    } catch (error) {
      if (stop.aborted || !(error instanceof Unreachable)) throw error;
    }
    progress(0, true);
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
  }
}

async function* parts(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let part = new Uint8Array(PART);
  let filled = 0;
  for await (let piece of pieces) {
    while (piece.length > 0) {
      const taken = piece.subarray(0, PART - filled);
      part.set(taken, filled);
      filled += taken.length;
      piece = piece.subarray(taken.length);
      if (filled === PART) {
        yield part;
        part = new Uint8Array(PART);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}
