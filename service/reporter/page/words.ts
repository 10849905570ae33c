/** The ten lists of BIP-39, one word a line: fetched only where somebody wants words, believed by digest. */
import { ask, Unreachable } from "./door.js";
import { digestOf } from "./keys.js";
import type { View } from "./view.js";

const LENGTH = 2048;

export async function wordLists(view: View): Promise<string[][]> {
  const answer = await ask(view.data["words"] ?? "");
  if (!answer.ok) throw new Unreachable("no word lists");
  const data = new Uint8Array(await answer.arrayBuffer());
  if (digestOf(data) !== view.data["wordsDigest"]) throw new Error("other word lists");
  const words = new TextDecoder().decode(data).trimEnd().split("\n");
  return Array.from({ length: words.length / LENGTH }, (_, list) => words.slice(LENGTH * list, LENGTH * (list + 1)));
}

/** The list in which a reader of this page is shown words: Japanese or English. */
export function listFor(view: View, lists: readonly string[][]): string[] {
  return lists[view.data["language"]?.startsWith("ja") === true ? 1 : 0]!;
}
