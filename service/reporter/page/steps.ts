/** What a reporter has entered, read from the page's fields, and what is missing in it. */
import type { JsonObject } from "./canonical.js";
import { fallbackOf, intake, isLetterbox, cardText, type Person, type Roster } from "./roster.js";
import { leftOut, staying, type Words } from "./submission.js";
import { all, clean, find, make, own, sentence, type Problem, type View } from "./view.js";

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

  private choice(): { channel: string; excluded: string[]; rather_not_say: boolean } {
    const list = find('[data-list="readers"]', this.view.root);
    return {
      channel: this.channel,
      excluded: all<HTMLInputElement>("input:checked", list).map((box) => box.value),
      rather_not_say: this.view.field<HTMLInputElement>("rather_not_say").checked,
    };
  }

  readers(): Person[] {
    return staying(this.roster, this.choice());
  }

  words(): Words {
    const choice = this.choice();
    const answers: JsonObject = {
      questionnaire: this.questionnaire.id,
      version: this.questionnaire.version,
      rather_not_say: choice.rather_not_say,
    };
    const readable = [this.view.typed("text")];
    for (const question of this.questions()) {
      const told = this.told(question);
      if (told.length === 0) continue;
      const codes = all<HTMLInputElement>("input:checked", question).map((box) => box.value);
      const kind = question.dataset["kind"];
      answers[question.dataset["question"]!] = kind === "line" ? told[0]! : kind === "one" ? codes[0]! : codes;
      readable.push([question.dataset["label"] ?? "", ...told].join("\n"));
    }
    return {
      ...choice,
      excluded: leftOut(this.roster, choice),
      text: this.view.typed("text"),
      answers,
      readable: readable.join("\n\n"),
      language: this.view.data["language"] ?? "en",
    };
  }

  /** What stands in the way of going on from a step. */
  problems(step: string): Problem[] {
    if (step === "channel" && this.channel === "") return [{ field: "channel", sentence: sentence("choose") }];
    if (step === "readers" && this.readers().length === 0) return [{ field: "readers", sentence: sentence("nobody") }];
    if (step === "story") return textProblems(this.view, this.view.typed("text"));
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
    const rows = intake(this.roster, this.channel).map((each) => {
      const tick = box("checkbox", each.key_id);
      tick.checked = ticked.includes(each.key_id);
      return label(tick, person(this.roster, each));
    });
    find('[data-list="readers"]', this.view.root).replaceChildren(...rows);
    const fallback = fallbackOf(this.roster, this.channel);
    for (const each of all("[data-fallback]", this.view.root)) each.hidden = fallback === undefined;
    const name = fallback === undefined ? [] : [person(this.roster, fallback)];
    find('[data-list="fallback"]', this.view.root).replaceChildren(...name);
    for (const each of all("[data-letterbox]", this.view.root)) each.hidden = !isLetterbox(this.roster, this.channel);
    for (const each of all("[data-fingerprint]", this.view.root)) each.textContent = this.roster.fingerprint;
  }

  drawStaying(): void {
    const names = this.readers().flatMap((each, place) => [...(place > 0 ? [" · "] : []), person(this.roster, each)]);
    find('[data-list="staying"]', this.view.root).replaceChildren(...names);
  }
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
