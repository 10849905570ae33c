/** The note that shows how far sealing and sending are. */
import { find, type View } from "./view.js";
import type { Progress } from "./uploads.js";

/** Show the note of the current step while `act` runs; `total` counts the plain bytes of the files. */
export async function whileSending<T>(view: View, total: number, act: (progress: Progress) => Promise<T>): Promise<T> {
  const section = view.section();
  const note = find("[data-sending]", section);
  const bar = find<HTMLProgressElement>("progress", note);
  const broken = find("[data-broken]", note);
  const buttons = [...section.querySelectorAll<HTMLButtonElement>("button")];
  let done = 0;
  bar.value = 0;
  note.hidden = false;
  for (const button of buttons) button.disabled = true;
  note.scrollIntoView({ block: "nearest" });
  try {
    return await act((bytes, isBroken) => {
      done += bytes;
      bar.value = total > 0 ? Math.min(0.99, done / total) : 0.5;
      broken.hidden = !isBroken;
    });
  } finally {
    note.hidden = true;
    for (const button of buttons) button.disabled = false;
  }
}
