/**
 * Where the script begins, on the pages that seal in the browser and send.
 *
 * - Nothing can be written before it has begun and who reads has been verified: until then the fields lie in a
 *   template, and the page says that it did not start.
 */
import type { Request } from "./acts.js";
import { getJson, Refused, today, Unreachable, type Accepted } from "./door.js";
import { MailboxFlow } from "./mailbox.js";
import type { Picker } from "./picker.js";
import * as receipts from "./receipt.js";
import { ReportFlow, type Ending } from "./report.js";
import { checkAge, verifyPromise, verifyReaders, type Readers, type Roster } from "./roster.js";
import { whileSending } from "./sending.js";
import type { Entries } from "./steps.js";
import { readersChanged, send, Submission, uploading } from "./submission.js";
import { discard } from "./uploads.js";
import { filled, find, save, sentence, View, type Problem } from "./view.js";
import { listFor, wordLists } from "./words.js";

class Sending implements Ending {
  private readonly places = new Set<string>();
  private readonly stop = new AbortController();
  private submission: Submission | undefined;
  private tried: Request | undefined;

  constructor(
    private readonly view: View,
    private readonly roster: Roster,
    private readonly shown: Readers,
  ) {
    view.onLeave = (): void => {
      this.stop.abort();
      discard(this.places);
    };
  }

  async finish(entries: Entries, picker: Picker): Promise<Submission> {
    const submission = (this.submission ??= await Submission.begin(this.roster));
    const total = picker.files.reduce((sum, file) => sum + file.size, 0);
    const store = uploading(this.places, this.stop.signal);
    const [accepted, leaf] = await whileSending(this.view, total, async (progress) => {
      const request = await submission.prepare(entries.words(), picker.files, this.shown.day, store, progress);
      return this.sent(request);
    });
    // From here on it has arrived: whatever else fails, the receipt must be shown.
    this.places.clear();
    this.show(submission, accepted, leaf, this.shown.due[entries.channel] ?? this.shown.day);
    return submission;
  }

  /** Send; where an earlier try turns out to have arrived, though its answer never came, that one counts. */
  private async sent(request: Request): Promise<readonly [Accepted, string]> {
    const before = this.tried;
    this.tried = request;
    try {
      return [await send(request), request.events[0]!.leaf];
    } catch (error) {
      if (before === undefined || !(error instanceof Refused && error.problem === "conflict")) throw error;
      this.tried = before;
      return [await send(before), before.events[0]!.leaf];
    }
  }

  private show(submission: Submission, accepted: Accepted, leaf: string, next: string): void {
    const section = this.view.section("receipt");
    this.evidence(find("[data-evidence]", section), accepted.accepted[0]?.promise ?? "", leaf);
    find("[data-next]", section).textContent = this.view.day(next);
    const due = find("[data-due]", section);
    due.textContent = filled(due.textContent ?? "", { date: this.view.day(next) });
    const words = find<HTMLDetailsElement>("[data-words]", section);
    words.addEventListener("toggle", () => {
      void wordLists(this.view).then((lists) => {
        find(".words", words).textContent = receipts.words(submission.entropy, listFor(this.view, lists));
      });
    });
  }

  /** The promise that the log will hold the report; nothing is shown for one that does not verify. */
  private evidence(place: HTMLElement, promise: string, leaf: string): void {
    try {
      verifyPromise(this.roster, promise, leaf);
    } catch {
      place.hidden = true;
      return;
    }
    find("[data-promise]", place).textContent = promise;
    find("[data-save]", place).addEventListener("click", () => save([promise], "promise.txt"));
  }

  explain(error: unknown): { step: string; problem: Problem } {
    if (readersChanged(error)) {
      // With a new list everything is sealed anew; what was sealed for the old one is swept.
      location.reload();
      return { step: "readers", problem: { field: "readers", sentence: sentence("changed") } };
    }
    return { step: "review", problem: { field: "send", sentence: sentence("failed") } };
  }
}

async function begin(): Promise<void> {
  const view = new View();
  if (view.data["page"] === "mailbox") {
    view.begin();
    new MailboxFlow(view);
    view.show("door");
    return;
  }
  const shown = await getJson<Readers>("/api/readers");
  const roster = verifyReaders(shown);
  checkAge(roster, today());
  view.begin();
  new ReportFlow(view, roster, new Sending(view, roster, shown)).start();
}

begin().catch((error: unknown) => {
  const asleep = find("#asleep");
  const why = document.createElement("p");
  why.textContent = sentence(error instanceof Unreachable ? "unreachable" : "unverified");
  asleep.append(why);
  asleep.hidden = false;
});
