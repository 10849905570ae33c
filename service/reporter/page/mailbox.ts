/** Coming back with a receipt: messages are opened in the page, and answers sealed in it. */
import { getJson, now, Refused, Unreachable } from "./door.js";
import { given, Letters, lost, type Letter, type Visit } from "./letters.js";
import { Picker, unreadable } from "./picker.js";
import * as receipts from "./receipt.js";
import { BadReceipt } from "./receipt.js";
import { verifyReaders, type Readers, type Roster } from "./roster.js";
import type { SealedFile } from "./sealing.js";
import { whileSending } from "./sending.js";
import type { Room } from "./rooms.js";
import { beside, textProblems } from "./steps.js";
import { uploading } from "./submission.js";
import { discard } from "./uploads.js";
import { all, find, make, own, save, sentence, type Problem, type View } from "./view.js";
import { wordLists } from "./words.js";

export class MailboxFlow {
  private letters: Letters | undefined;
  private visit: Visit | undefined;
  private roster: Roster | undefined;
  private readonly picker: Picker;
  private readonly places = new Set<string>();
  private readonly stop = new AbortController();

  constructor(private readonly view: View) {
    this.picker = new Picker(view, (problems) => view.tell(problems));
    view.root.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest<HTMLButtonElement>("button[data-go]") : null;
      if (button !== null) void this.go(button);
    });
    view.onLeave = (): void => {
      this.stop.abort();
      discard(this.places);
      this.letters = this.visit = undefined;
    };
  }

  private async go(button: HTMLButtonElement): Promise<void> {
    const acts: Record<string, () => Promise<void>> = {
      open: () => this.open(),
      say: () => this.say("dialogue"),
      mediate: () => this.say("mediation"),
      add: () => this.say("report"),
      do: () => this.doIt(),
      stay: () => Promise.resolve(this.ask("")),
      proof: () => this.proof(),
    };
    button.disabled = true;
    try {
      const [act = "", code = ""] = splitOnce(button.dataset["go"] ?? "");
      if (act === "ask") this.ask(code);
      else await acts[act]?.();
    } catch (error) {
      this.view.tell([this.explain(error)]);
    } finally {
      button.disabled = false;
    }
  }

  private async open(): Promise<void> {
    const typed = this.view.typed("receipt");
    const entropy = receipts.hasDigits(typed)
      ? receipts.parseDigits(typed)
      : receipts.parseWords(typed, await wordLists(this.view));
    this.roster = verifyReaders(await getJson<Readers>("/api/readers"));
    this.letters = await Letters.of(entropy, this.roster);
    await this.refresh();
    this.view.field("receipt").value = "";
    this.view.show("mailbox");
  }

  private async refresh(): Promise<void> {
    this.visit = await this.letters!.visit();
    const { letters, mediation, rooms } = this.visit;
    const { state, next, late_since: late, withdrawn, wishes } = this.visit.case;
    this.ask("");
    const closed = rooms.get("dialogue")!.closedToReading;
    const mailbox = this.view.section("mailbox");
    find("[data-state]", mailbox).textContent = sentence(`state-${state}`) || sentence("state-other");
    this.dated(find("[data-next-news]", mailbox), late === "" ? next : "");
    this.dated(find("[data-late]", mailbox), late);
    find("[data-withdrawn]", mailbox).hidden = !withdrawn;
    find("[data-closed]", mailbox).hidden = !closed;
    find("[data-empty]", mailbox).hidden = closed || letters.length > 0;
    const shown = closed ? letters.filter((letter) => letter.text !== undefined) : letters;
    find('[data-list="letters"]', mailbox).replaceChildren(...shown.map((letter) => this.line(letter)));
    for (const each of all("[data-mediation]", mailbox)) each.hidden = mediation === undefined;
    find('[data-list="mediation"]', mailbox).replaceChildren(...(mediation ?? []).map((letter) => this.line(letter)));
    const open = [...wishes, ...(closed ? [] : [{ code: "close", until: "" }])];
    find('[data-list="wishes"]', mailbox).replaceChildren(...open.map(({ code, until }) => this.wish(code, until)));
    this.drawHappened(mailbox, this.visit);
    this.drawReach(mailbox, this.visit);
    this.drawReplaced(mailbox, this.visit);
  }

  private drawHappened(mailbox: HTMLElement, { happened }: Visit): void {
    find("[data-happened]", mailbox).hidden = happened.length === 0;
    const told = happened.map(({ what, day, role, until }) => {
      // That a custodian answered, or that the time is over, says by whom it was.
      const who = role === "" || ["approved", "refused", "expired"].includes(what) ? [] : [make("b", this.named(role)), ": "];
      const end = what === "opened" && until !== "" ? ` (${sentence("until", { date: this.view.day(until) })})` : "";
      return make("li", ...who, `${sentence(`happened-${what}`)} `, make("small", `${this.view.day(day)}${end}`));
    });
    find('[data-list="happened"]', mailbox).replaceChildren(...told);
  }

  /** Who was given what, who lost it, and who could give it back: as the rooms' own events tell it. */
  private drawReach(mailbox: HTMLElement, { rooms, elsewhere }: Visit): void {
    const list = (name: string, by: (room: Room) => Iterable<readonly [string, string]>): number => {
      const line = (role: string, room: string, day: string): HTMLElement =>
        make("li", `${role}: ${sentence(`room-${room}`) || room} `, make("small", this.view.day(day)));
      const lines = [...rooms.values()].flatMap((room) => [...by(room)].map(([who, day]) => line(this.role(who), room.name, day)));
      lines.push(...elsewhere[name as "given" | "lost"].map(({ role, room, day }) => line(this.named(role), room, day)));
      find(`[data-list="${name}"]`, mailbox).replaceChildren(...lines);
      return lines.length;
    };
    list("given", given);
    find("[data-lost]", mailbox).hidden = list("lost", lost) === 0;
    const dialogue = rooms.get("dialogue")!;
    const needed = this.roster?.appointments[dialogue.appointed[dialogue.appointed.length - 1] ?? ""]?.threshold ?? 0;
    const helping = [...dialogue.holders].sort().map((holder) => this.role(holder));
    const recovery = find("[data-recovery]", mailbox);
    recovery.hidden = helping.length === 0;
    this.view.fill(find("[data-needed]", recovery), { needed: this.view.number(needed) });
    find('[data-list="recovery"]', recovery).textContent = helping.join(" · ");
  }

  /** Whose key was replaced after it opened a room of the case: its reporter is told. */
  private drawReplaced(mailbox: HTMLElement, { rooms, elsewhere }: Visit): void {
    const opened = new Set([...rooms.values()].flatMap((room) => room.wraps.map((wrap) => wrap.reader)));
    const people = [...(this.roster?.people.values() ?? [])].filter((person) => opened.has(person.replaces));
    const replaced = [
      ...people.map(({ key_id: keyId, since }) => ({ role: this.role(keyId), day: since })),
      ...elsewhere.replaced.map(({ role, day }) => ({ role: this.named(role), day })),
    ].sort((a, b) => (a.day < b.day ? -1 : 1));
    find("[data-replaced]", mailbox).hidden = replaced.length === 0;
    const told = replaced.map(({ role, day }) =>
      make("p", make("b", role), `: ${sentence("replaced", { date: this.view.day(day) })}`),
    );
    find('[data-list="replaced"]', mailbox).replaceChildren(...told);
  }

  /** A sentence of the page with a day in it; hidden where there is no day. */
  private dated(place: HTMLElement, day: string): void {
    place.hidden = day === "";
    if (day !== "") this.view.fill(place, { date: this.view.day(day) });
  }

  private wish(code: string, until: string): HTMLLIElement {
    const button = make("button", wishLabel(code));
    button.type = "button";
    button.className = "small";
    button.dataset["go"] = `ask:${code}`;
    const line = make("li", button);
    if (until !== "") line.append(" ", make("small", sentence("until", { date: this.view.day(until) })));
    return line;
  }

  /** Show what pressing once more would do; an empty code takes it away again. */
  private ask(code: string): void {
    const note = find("[data-sure]", this.view.section("mailbox"));
    note.hidden = code === "";
    note.dataset["code"] = code;
    if (code === "") return;
    find("h2", note).textContent = wishLabel(code);
    find("p", note).textContent = sentence(`warning-${splitOnce(code)[0]}`);
    note.scrollIntoView({ block: "nearest" });
    find("h2", note).focus();
  }

  private async doIt(): Promise<void> {
    const code = find("[data-sure]", this.view.section("mailbox")).dataset["code"] ?? "";
    if (code !== "close") return this.say("dialogue", code);
    await this.letters!.close();
    await this.refresh();
    this.view.show("mailbox");
    find("[data-done]", this.view.section()).hidden = false;
  }

  private line(letter: Letter): Node {
    const line = find<HTMLTemplateElement>("#letter", this.view.root).content.firstElementChild!.cloneNode(true) as HTMLElement;
    line.classList.toggle("mine", letter.mine);
    find("b", line).textContent = letter.mine ? sentence("you") : this.role(letter.author);
    find("small", line).textContent = this.view.day(letter.day);
    const told = find(".told", line);
    told.textContent = letter.text ?? "";
    told.hidden = letter.text === undefined;
    find(".wrong", line).hidden = letter.text !== undefined;
    find(".held", line).replaceChildren(...letter.files.map((file) => this.attachment(letter, file)));
    return line;
  }

  private attachment(letter: Letter, file: SealedFile): HTMLLIElement {
    const hidden = make("span", ` ${file.name}`);
    hidden.className = "unseen";
    const button = make("button", sentence("download"), hidden);
    button.type = "button";
    button.className = "small";
    button.addEventListener("click", () => {
      button.disabled = true;
      void this.download(letter, file)
        .catch((error: unknown) => this.view.tell([this.explain(error, "damaged")]))
        .finally(() => (button.disabled = false));
    });
    return make("li", own(file.name), " ", make("small", this.view.size(file.size)), " ", button);
  }

  // The whole file is in memory before it is offered: nothing of it is given out unless all of it opens.
  private async download(letter: Letter, file: SealedFile): Promise<void> {
    const pieces: BlobPart[] = [];
    for await (const piece of await this.letters!.file(letter, file)) pieces.push(piece.slice());
    save(pieces, file.name);
  }

  private async say(room: "dialogue" | "mediation" | "report", code = ""): Promise<void> {
    // Whoever only presses a button says what stands on it.
    const text = this.view.typed("text") || (code === "" ? "" : wishLabel(code));
    const [sent, done] = [find("[data-sent]", this.view.section()), find("[data-done]", this.view.section())];
    sent.hidden = done.hidden = true;
    // Files alone are a message too.
    const refused = await this.picker.settled();
    const problems = text === "" && this.picker.files.length > 0 ? refused : [...textProblems(this.view, text), ...refused];
    problems.push(...(await unreadable(this.picker.files)));
    if (problems.length > 0) return this.view.tell(problems);
    const total = this.picker.files.reduce((sum, file) => sum + file.size, 0);
    const store = uploading(this.places, this.stop.signal);
    try {
      await whileSending(this.view, total, (progress) =>
        this.letters!.say(room, beside(text), this.picker.files, store, progress, code),
      );
    } catch (error) {
      if (error instanceof Unreachable || error instanceof Refused) {
        throw new NotSent(error instanceof Refused && error.problem === "enough-for-today" ? "tomorrow" : "failed");
      }
      throw error;
    }
    this.places.clear();
    this.view.field("text").value = "";
    this.picker.clear();
    await this.refresh();
    this.view.show("mailbox");
    (room === "report" || code !== "" ? done : sent).hidden = false;
  }

  private async proof(): Promise<void> {
    const proof = await this.letters!.proof();
    save([proof.data], proof.file);
  }

  private role(keyId: string): string {
    const roles = this.roster?.people.get(keyId)?.roles ?? [];
    const held = roles.filter((role) => !role.includes(":") || role.endsWith(`:${this.visit?.case.channel}`));
    const names = held.map((role) => role.split(":")[0]!).sort();
    const told = ["handler", "intake", "mediator"].find((role) => names.includes(role)) ?? names[0] ?? "";
    return this.named(told);
  }

  private named(role: string): string {
    return sentence(`role-${role}`) || sentence("role-other");
  }

  private explain(error: unknown, otherwise = "unverified"): Problem {
    if (error instanceof BadReceipt) {
      return { field: "receipt", sentence: sentence(`receipt-${error.why}`, { group: this.view.number(error.group) }) };
    }
    if (error instanceof NotSent) return { field: "text", sentence: sentence(error.message, { date: this.view.day(tomorrow()) }) };
    if (error instanceof Refused && error.problem === "no-mailbox") {
      return { field: "receipt", sentence: sentence("no-mailbox") };
    }
    const unreachable = error instanceof Unreachable || error instanceof Refused || error instanceof TypeError;
    return { field: "main", sentence: sentence(unreachable ? "unreachable" : otherwise) };
  }
}

/** What was written stays in its field; the message names the sentence that says why. */
class NotSent extends Error {}

/** The next day by the server's clock, in UTC. */
function tomorrow(): string {
  return new Date(now().getTime() + 24 * 3600 * 1000).toISOString().slice(0, 10);
}

function wishLabel(code: string): string {
  return sentence(`wish-${code}`) || sentence(`wish-${splitOnce(code)[0]}`);
}

/** What stands before the first colon, and what after it. */
function splitOnce(text: string): [string, string] {
  const place = text.indexOf(":");
  return place < 0 ? [text, ""] : [text.slice(0, place), text.slice(place + 1)];
}
