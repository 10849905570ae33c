/** The way through a report, step by step, up to the receipt. The offline page takes the same way. */
import * as receipts from "./receipt.js";
import type { Roster } from "./roster.js";
import { readersFile } from "./own_tools.js";
import { Picker, unreadable } from "./picker.js";
import { Entries, person } from "./steps.js";
import type { Submission } from "./submission.js";
import { all, find, make, own, save, sentence, type Problem, type View } from "./view.js";

/** What is done with a finished report: sent, or sealed into a file. */
export interface Ending {
  /** Rejects with a problem's sentence shown by the caller; resolves when the receipt may be shown. */
  finish(entries: Entries, picker: Picker): Promise<Submission>;
  /** A sentence for what went wrong, and the step to show it on. */
  explain(error: unknown): { readonly step: string; readonly problem: Problem };
}

export class ReportFlow {
  private readonly order: string[];
  private readonly entries: Entries;
  private readonly picker: Picker;
  private checking = false;

  constructor(
    private readonly view: View,
    roster: Roster,
    private readonly ending: Ending,
  ) {
    const { questionnaire = "", version = "" } = view.data;
    this.entries = new Entries(view, roster, { id: questionnaire, version: Number(version) });
    this.picker = new Picker(view, (problems) => view.tell(problems));
    const steps = all("[data-step]", view.root).map((each) => each.dataset["step"] ?? "");
    this.order = steps.filter((step) => step !== "receipt" && (step !== "channel" || roster.channels.size > 1));
    this.entries.drawChannels();
    view.root.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-go]") : null;
      if (button !== null) void this.go(button.dataset["go"] ?? "");
    });
    view.root.addEventListener("keydown", (event) => {
      const line = event.target instanceof HTMLInputElement && event.target.type === "text";
      if (event.key === "Enter" && line && !event.isComposing) void this.go("next");
    });
    addEventListener("beforeunload", this.guard);
  }

  start(): void {
    this.show(this.order[0]!);
    const back = find("[data-step]:not([hidden]) [data-go=back]", this.view.root);
    back.hidden = true;
  }

  // Nothing is kept anywhere, so a reload by mistake would lose all of it. Leaving by the button does not ask.
  private readonly guard = (event: BeforeUnloadEvent): void => {
    const typed = this.view.typed("text") + this.view.typed("identity");
    if (!this.view.left && typed !== "" && this.view.step !== "receipt") event.preventDefault();
  };

  /** The steps of this report: who the reporter is, is asked only where enough custodians are left to keep it. */
  private get steps(): string[] {
    return this.entries.keepers() === undefined ? this.order.filter((step) => step !== "who") : this.order;
  }

  private async go(where: string): Promise<void> {
    const steps = this.steps;
    const here = steps.indexOf(this.view.step);
    const [move, target = ""] = where.split(":");
    if (move === "leave") return this.view.leave();
    if (move === "keys") return save([readersFile(this.entries.roster, this.entries.readers())], "readers.txt");
    if (move === "back") return this.show(steps[Math.max(0, here - 1)]!);
    if (move === "to") return this.show(target);
    // Whoever goes back from a step leaves it as it is: before sending, all of them are looked at.
    for (const step of move === "send" ? steps : [this.view.step]) {
      const problems = this.entries.problems(step);
      if (problems.length > 0) return step === this.view.step ? this.view.tell(problems) : this.show(step, problems);
    }
    if (move === "send") return this.send();
    this.show(move === "skip" ? "files" : this.checking ? "review" : steps[here + 1]!);
  }

  private show(step: string, problems: readonly Problem[] = []): void {
    if (step === "readers") this.entries.drawReaders();
    if (step === "story") this.entries.drawStaying();
    if (step === "who") this.entries.drawKeepers();
    if (step === "files") find("[data-danger]", this.view.root).hidden = !this.inDanger();
    if (step === "review") this.review();
    this.view.show(step, problems);
  }

  private inDanger(): boolean {
    return this.view.root.querySelector('#danger input[value="yes"]:checked') !== null;
  }

  private review(): void {
    this.checking = true;
    const place = (name: string): HTMLElement => find(`[data-review="${name}"]`, this.view.root);
    place("readers").replaceChildren(...this.entries.readers().map((each) => make("li", person(this.entries.roster, each))));
    place("text").textContent = this.view.typed("text");
    for (const step of this.order.filter((each) => this.entries.questions(each).length > 0)) {
      const rows = this.entries.questions(step).flatMap((question) => {
        const told = this.entries.told(question);
        return told.length === 0 ? [] : [make("dt", question.dataset["label"] ?? ""), ...told.map((each) => make("dd", own(each)))];
      });
      place(step).replaceChildren(rows.length > 0 ? make("dl", ...rows) : empty());
    }
    const files = this.picker.lines();
    place("files").replaceChildren(...(files.length > 0 ? files : [make("li", sentence("none"))]));
    find("[data-offered]", this.view.root).hidden = this.entries.keepers() === undefined;
    const told = make("pre", this.view.typed("identity"));
    told.className = "told";
    told.dir = "auto";
    told.translate = false;
    told.tabIndex = 0;
    place("identity").replaceChildren(told.textContent === "" ? empty() : told);
  }

  private async send(): Promise<void> {
    const unread = [...(await this.picker.settled()), ...(await unreadable(this.picker.files))];
    if (unread.length > 0) return this.show("files", unread);
    try {
      this.receipt(await this.ending.finish(this.entries, this.picker));
    } catch (error) {
      const { step, problem } = this.ending.explain(error);
      this.show(step, [problem]);
    }
  }

  private receipt(submission: Submission): void {
    const groups = receipts.digits(submission.entropy).split(" ");
    find("[data-code]", this.view.root).replaceChildren(...groups.flatMap((group) => [make("span", group), " "]));
    this.view.show("receipt");
  }
}

function empty(): HTMLElement {
  const nothing = make("p", sentence("left-empty"));
  nothing.className = "none";
  return nothing;
}
