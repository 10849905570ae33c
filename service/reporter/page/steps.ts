/** What a reporter has entered, read from the page's fields, and what is missing in it. */
import type { JsonObject } from "./canonical.js";
import { custodians, holders, keepers, leftOut, recoverers, staying, type Choice } from "./choice.js";
import { fallbackOf, intake, isLetterbox, cardText, type Person, type Roster } from "./roster.js";
import { identityFits } from "./sealing.js";
import type { Holding } from "./shares.js";
import type { Words } from "./submission.js";
import { all, clean, find, make, own, sentence, type Problem, type View } from "./view.js";
import { converted } from "./zawgyi.js";

const LINE = 1000;

/** A person by the name on their card. */
export function person(roster: Roster, each: Person): HTMLElement {
  const shown = own("");
  shown.append(make("b", cardText(roster, each.card, "name") || each.key_id.slice(0, 8)));
  const title = cardText(roster, each.card, "title");
  if (title !== "") shown.append(" ", make("small", title));
  return shown;
}

export class Entries {
  constructor(
    private readonly view: View,
    readonly roster: Roster,
    private readonly questionnaire: { id: string; version: number },
  ) {}

  get channel(): string {
    const ticked = find('[data-list="channels"]', this.view.root).querySelector<HTMLInputElement>("input:checked");
    return ticked?.value ?? (this.roster.channels.size === 1 ? [...this.roster.channels.keys()][0]! : "");
  }

  private choice(): Choice {
    const ticked = '[data-list="readers"] input:checked, [data-list="holders"] input:checked';
    return {
      channel: this.channel,
      excluded: all<HTMLInputElement>(ticked, this.view.root).map((box) => box.value),
      rather_not_say: this.view.field<HTMLInputElement>("rather_not_say").checked,
    };
  }

  readers(): Person[] {
    return staying(this.roster, this.choice());
  }

  /** Those who would keep who the reporter is; undefined where that is not offered. */
  keepers(): Person[] | undefined {
    return this.people(keepers(this.roster, this.choice()));
  }

  /** Everything that was entered; below what was typed in Zawgyi stands a copy in Unicode. */
  words(): Words {
    const choice = this.choice();
    const text = this.view.typed("text");
    const answers: JsonObject = {
      questionnaire: this.questionnaire.id,
      version: this.questionnaire.version,
      rather_not_say: choice.rather_not_say,
    };
    const copy = (name: string, typed: string): void => {
      const found = converted(typed);
      if (found !== undefined) answers[`unicode:${name}`] = found;
    };
    copy("text", text);
    const readable = [beside(text)];
    for (const question of this.questions()) {
      const told = this.told(question);
      if (told.length === 0) continue;
      const codes = all<HTMLInputElement>("input:checked", question).map((box) => box.value);
      const kind = question.dataset["kind"];
      answers[question.dataset["question"]!] = kind === "line" ? told[0]! : kind === "one" ? codes[0]! : codes;
      if (kind === "line") copy(question.dataset["question"]!, told[0]!);
      const said = kind === "line" ? told.map(beside) : told;
      readable.push([question.dataset["label"] ?? "", ...said].join("\n"));
    }
    return {
      ...choice,
      excluded: leftOut(this.roster, choice),
      text,
      answers,
      readable: readable.join("\n\n"),
      language: this.view.data["language"] ?? "en",
      identity: this.keepers() === undefined ? "" : this.view.typed("identity"),
    };
  }

  /** What stands in the way of going on from a step. */
  problems(step: string): Problem[] {
    if (step === "channel" && this.channel === "") return [{ field: "channel", sentence: sentence("choose") }];
    if (step === "readers" && this.readers().length === 0) return [{ field: "readers", sentence: sentence("nobody") }];
    if (step === "story") return textProblems(this.view, this.view.typed("text"));
    if (step === "who" && !identityFits(this.view.typed("identity"))) {
      return [{ field: "identity", sentence: sentence("identity-long") }];
    }
    return all('[data-kind="line"]', this.view.section(step))
      .map((question) => find<HTMLInputElement>("input", question))
      .filter((input) => [...clean(input.value)].length > LINE)
      .map((input) => ({ field: input.id, sentence: sentence("line-long", { limit: this.view.number(LINE) }) }));
  }

  questions(step?: string): HTMLElement[] {
    return all("[data-question]", step === undefined ? this.view.root : this.view.section(step));
  }

  /** An answer in the words that the reporter saw. */
  told(question: HTMLElement): string[] {
    if (question.dataset["kind"] === "line") {
      const typed = clean(find<HTMLInputElement>("input", question).value).split(/\s+/).join(" ");
      return typed === "" ? [] : [typed];
    }
    return all<HTMLInputElement>("input:checked", question).map((box) => box.nextElementSibling?.textContent ?? "");
  }

  drawChannels(): void {
    const rows = [...this.roster.channels].map(([name, channel]) => {
      const radio = box("radio", name);
      radio.name = "channel";
      return label(radio, own(cardText(this.roster, channel.card, "name") || name));
    });
    find('[data-list="channels"]', this.view.root).replaceChildren(...rows);
  }

  drawReaders(): void {
    const ticked = this.choice().excluded;
    const rows = (people: readonly Person[]): HTMLLabelElement[] =>
      people.map((each) => {
        const tick = box("checkbox", each.key_id);
        tick.checked = ticked.includes(each.key_id);
        return label(tick, person(this.roster, each));
      });
    find('[data-list="readers"]', this.view.root).replaceChildren(...rows(intake(this.roster, this.channel)));
    this.drawHolders(rows(holders(this.roster, this.channel)));
    const tongues = this.roster.channels.get(this.channel)?.languages ?? [];
    find("[data-languages]", this.view.root).hidden = tongues.length === 0;
    const spoken = tongues.flatMap((tag, place) => {
      const name = make("bdi", sentence(`language-${tag}`) || tag);
      name.lang = tag;
      return [...(place > 0 ? [", "] : []), name];
    });
    find('[data-list="languages"]', this.view.root).replaceChildren(...spoken);
    const fallback = fallbackOf(this.roster, this.channel);
    for (const each of all("[data-fallback]", this.view.root)) each.hidden = fallback === undefined;
    const name = fallback === undefined ? [] : [person(this.roster, fallback)];
    find('[data-list="fallback"]', this.view.root).replaceChildren(...name);
    for (const each of all("[data-letterbox]", this.view.root)) each.hidden = !isLetterbox(this.roster, this.channel);
    for (const each of all("[data-fingerprint]", this.view.root)) each.textContent = this.roster.fingerprint;
  }

  /** Who else holds a part of a key: told, and left out by a tick, like the readers. */
  private drawHolders(rows: readonly HTMLLabelElement[]): void {
    const [helping, keeping] = [recoverers(this.roster, this.channel), custodians(this.roster, this.channel)];
    find("#holders", this.view.root).hidden = rows.length === 0;
    find('[data-list="holders"]', this.view.root).replaceChildren(...rows);
    this.drawHolding("recoverers", helping, this.people(helping));
    this.drawHolding("custodians", keeping, this.people(keeping));
    for (const each of all("[data-shared]", this.view.root)) each.hidden = helping === undefined;
    for (const each of all("[data-unshared]", this.view.root)) each.hidden = helping !== undefined;
  }

  drawKeepers(): void {
    this.drawHolding("keepers", keepers(this.roster, this.choice()), this.keepers());
  }

  /** A sentence that says how many of which people open something together; hidden where there are none. */
  private drawHolding(name: string, found: Holding | undefined, people: readonly Person[] = []): void {
    const place = find(`[data-holding="${name}"]`, this.view.root);
    place.hidden = people.length === 0;
    this.view.fill(find("[data-needed]", place), { needed: this.view.number(found?.threshold ?? 0) });
    find(`[data-list="${name}"]`, place).replaceChildren(...this.inOneLine(people));
  }

  drawStaying(): void {
    find('[data-list="staying"]', this.view.root).replaceChildren(...this.inOneLine(this.readers()));
  }

  private inOneLine(people: readonly Person[]): (string | HTMLElement)[] {
    return people.flatMap((each, place) => [...(place > 0 ? [" · "] : []), person(this.roster, each)]);
  }

  private people(found: Holding | undefined): Person[] | undefined {
    return found && [...found.people.keys()].map((keyId) => this.roster.people.get(keyId)!);
  }
}

/** A text, and below it a copy in Unicode if it was typed in Zawgyi. */
export function beside(text: string): string {
  const copy = converted(text);
  return copy === undefined ? text : [text, sentence("unicode-copy"), copy].join("\n");
}

export function textProblems(view: View, text: string): Problem[] {
  const limit = Number(view.data["characters"]);
  const count = [...text].length;
  if (count === 0) return [{ field: "text", sentence: sentence("empty") }];
  if (count <= limit) return [];
  return [{ field: "text", sentence: sentence("long", { count: view.number(count), limit: view.number(limit) }) }];
}

function box(type: "radio" | "checkbox", value: string): HTMLInputElement {
  const made = make("input");
  made.type = type;
  made.value = value;
  return made;
}

function label(input: HTMLInputElement, text: HTMLElement): HTMLLabelElement {
  const made = make("label", input, " ", text);
  made.className = "choice";
  return made;
}
