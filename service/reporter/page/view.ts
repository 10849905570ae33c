/**
 * The page as the script sees it: steps that are shown one at a time, problems beside their fields, sentences.
 *
 * - Every word comes from the page's own HTML, translated; what a person typed is only ever set as text.
 * - Nothing is stored: no cookie, no storage, no address that tells anything. Leaving replaces the address.
 */

export interface Problem {
  readonly field: string;
  readonly sentence: string;
}

export function find<T extends Element = HTMLElement>(selector: string, within: ParentNode = document): T {
  const found = within.querySelector<T>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}

export function all<T extends Element = HTMLElement>(selector: string, within: ParentNode = document): T[] {
  return [...within.querySelectorAll<T>(selector)];
}

export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  ...content: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  made.append(...content);
  return made;
}

/** Text of the reader's own, which no translation tool should touch. */
export function own(text: string): HTMLElement {
  const made = make("span", text);
  made.translate = false;
  made.dir = "auto";
  return made;
}

/** A sentence of the page's, with what stands in braces filled in. */
export function sentence(name: string, values: Record<string, string> = {}): string {
  const said = all("[data-sentence]", find<HTMLTemplateElement>("#sentences").content);
  const found = said.find((each) => each.dataset["sentence"] === name);
  return filled(found?.textContent ?? "", values);
}

export function filled(text: string, values: Record<string, string>): string {
  return Object.entries(values).reduce((so, [name, value]) => so.replaceAll(`{${name}}`, value), text);
}

export class View {
  readonly root = find("#page");
  private shown = "";

  /** Put the page's steps in place of the warning that the script has not begun. */
  begin(): void {
    this.root.replaceChildren(find<HTMLTemplateElement>("#frame").content.cloneNode(true));
    // Fields of one question exclude each other only under a name, and only a form would send it.
    for (const set of all("fieldset[data-question]", this.root)) {
      for (const radio of all<HTMLInputElement>("input[type=radio]", set)) radio.name = set.id;
    }
    // A saved page has nowhere to go to.
    document.getElementById("leave")?.addEventListener("click", (event) => {
      event.preventDefault();
      this.leave();
    });
    find("#asleep").hidden = true;
    this.root.hidden = false;
  }

  get data(): DOMStringMap {
    return this.root.dataset;
  }

  get step(): string {
    return this.shown;
  }

  section(step = this.shown): HTMLElement {
    return find(`[data-step="${step}"]`, this.root);
  }

  show(step: string, problems: readonly Problem[] = []): void {
    for (const each of all("[data-step]", this.root)) each.hidden = each.dataset["step"] !== step;
    // Another language is another page, and what was typed on this one would be lost.
    if (this.shown !== "") for (const each of all(".tongues")) each.hidden = true;
    this.shown = step;
    this.tell(problems);
    if (problems.length === 0) {
      scrollTo(0, 0);
      find("h1", this.section()).focus({ preventScroll: true });
    }
  }

  /** Say what is wrong, above the step and beside each field; the summary takes the focus. */
  tell(problems: readonly Problem[]): void {
    const section = this.section();
    for (const each of all(".wrong[data-made]", section)) each.remove();
    for (const each of all("[aria-invalid]", section)) each.removeAttribute("aria-invalid");
    const place = find("[data-problems]", section);
    place.replaceChildren();
    document.title = sentence(problems.length > 0 ? "check-title" : "title");
    if (problems.length === 0) return;
    const list = make("ul");
    for (const { field, sentence: said } of problems) {
      const target = document.getElementById(field);
      if (target === null) {
        list.append(make("li", said));
        continue;
      }
      const link = make("a", said);
      link.href = `#${field}`;
      list.append(make("li", link));
      target.setAttribute("aria-invalid", "true");
      const beside = make("p", make("strong", sentence("check-field")), ` ${said}`);
      beside.className = "wrong";
      beside.dataset["made"] = "";
      if (target.tagName === "FIELDSET") find("legend", target).after(beside);
      else target.before(beside);
    }
    const summary = make("section", make("h2", sentence("check")), list);
    summary.className = "summary";
    summary.setAttribute("role", "alert");
    summary.tabIndex = -1;
    place.append(summary);
    summary.focus();
  }

  /** Fill what stands in braces in a sentence that is part of the page; as often as it changes. */
  fill(place: HTMLElement, values: Record<string, string>): void {
    place.dataset["pattern"] ??= place.textContent ?? "";
    place.textContent = filled(place.dataset["pattern"], values);
  }

  field<T extends HTMLInputElement | HTMLTextAreaElement>(name: string): T {
    return find<T>(`[data-field="${name}"]`, this.root);
  }

  typed(name: string): string {
    return clean(this.field(name).value);
  }

  number(value: number, fraction = 0): string {
    return new Intl.NumberFormat(this.data["locale"], { maximumFractionDigits: fraction }).format(value);
  }

  /** A day such as 2026-11-22 in full, as its reader writes it. */
  day(day: string): string {
    const format = new Intl.DateTimeFormat(this.data["locale"], { dateStyle: "long", timeZone: "UTC" });
    return format.format(Date.parse(`${day}T00:00:00Z`));
  }

  size(bytes: number): string {
    if (bytes >= 1048576) return `${this.number(bytes / 1048576, 1)} MB`;
    return bytes >= 1024 ? `${this.number(Math.floor(bytes / 1024))} kB` : `${this.number(bytes)} B`;
  }

  /** Told before the page goes away: what the service holds for it and nobody will send. */
  onLeave: () => void = () => undefined;

  /** Whether the person is on the way out, which nothing may hold up. */
  left = false;

  leave(): void {
    this.left = true;
    this.onLeave();
    this.root.replaceChildren();
    location.replace(this.data["calendar"] ?? "about:blank");
  }
}

/** A typed text: NFC, line ends as one newline, no space around. */
export function clean(text: string): string {
  return text.replace(/\r\n?/g, "\n").normalize("NFC").trim();
}

/** Offer bytes to be kept as a file, under a name that a person can see. */
export function save(parts: BlobPart[], name: string): void {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob(parts, { type: "application/octet-stream" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
