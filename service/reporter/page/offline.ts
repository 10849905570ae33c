/**
 * Where the script of the saved page begins: it seals without a connection, into one file.
 *
 * - Who reads is verified by the same steps as in a page that is connected; the fingerprint is shown, to be
 *   compared with the poster. How old the list is, is shown too: whoever left since is refused when it arrives.
 * - Nothing is fetched: the policy of the page forbids every connection.
 */
import { envelope } from "./envelope.js";
import type { Picker } from "./picker.js";
import { ReportFlow, type Ending } from "./report.js";
import { verifyReaders, type Readers, type Roster } from "./roster.js";
import { whileSending } from "./sending.js";
import type { Entries } from "./steps.js";
import { Submission, type Store } from "./submission.js";
import { all, find, save, sentence, View, type Problem } from "./view.js";

class IntoFile implements Ending {
  private submission: Submission | undefined;
  private readonly kept = new Map<string, Blob>();

  constructor(
    private readonly view: View,
    private readonly roster: Roster,
  ) {}

  async finish(entries: Entries, picker: Picker): Promise<Submission> {
    const submission = (this.submission ??= await Submission.begin(this.roster));
    const total = picker.files.reduce((sum, file) => sum + file.size, 0);
    const keep: Store = async (file, progress) => {
      const pieces: Blob[] = [];
      for await (const piece of file.pieces()) {
        pieces.push(new Blob([piece.slice()]));
        progress(piece.length, false);
      }
      this.kept.set(file.reference().sha256, new Blob(pieces));
    };
    const parts = await whileSending(this.view, total, async (progress) => {
      const day = new Date().toISOString().slice(0, 10);
      return envelope(await submission.prepare(entries.words(), picker.files, day, keep, progress), this.kept);
    });
    const name = this.view.data["sealedName"] ?? "questions.sealed";
    const saving = (): void => save(parts, name);
    find("[data-save]", this.view.section("receipt")).addEventListener("click", saving);
    saving();
    return submission;
  }

  explain(): { step: string; problem: Problem } {
    return { step: "review", problem: { field: "send", sentence: sentence("not-sealed") } };
  }
}

function begin(): void {
  const view = new View();
  const readers = JSON.parse(find("#readers-shown").textContent ?? "") as Readers;
  const roster = verifyReaders(readers);
  view.begin();
  for (const place of all("[data-marked-on]", view.root)) place.textContent = view.day(roster.markedOn);
  new ReportFlow(view, roster, new IntoFile(view, roster)).start();
}

try {
  begin();
} catch {
  const why = document.createElement("p");
  why.textContent = sentence("unverified");
  find("#asleep").append(why);
}
