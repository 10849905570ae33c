/** The files that a person has chosen: named, weighed, removed again; read when they are sealed. */
import { isSealed, isWhole } from "./own_tools.js";
import { plainName } from "./submission.js";
import { all, find, make, own, sentence, type Problem, type View } from "./view.js";

export class Picker {
  private chosen: File[] = [];
  private readonly sealed = new WeakSet<File>();
  private adding: Promise<Problem[]> | undefined;

  constructor(
    private readonly view: View,
    private readonly onProblems: (problems: Problem[]) => void,
  ) {
    const input = find<HTMLInputElement>("#files", view.root);
    input.addEventListener("change", () => {
      const added = [...(input.files ?? [])];
      // The same file can be chosen again after it was removed.
      input.value = "";
      const adding = this.behind(this.adding, added);
      this.adding = adding;
      void adding.then((problems) => {
        if (this.adding === adding) this.adding = undefined;
        this.onProblems(problems);
        this.draw();
      });
    });
  }

  get files(): readonly File[] {
    return this.chosen;
  }

  clear(): void {
    this.chosen = [];
    this.draw();
  }

  lines(): HTMLLIElement[] {
    return this.chosen.map((file) => {
      const told = [this.view.size(file.size), ...(this.sealed.has(file) ? [sentence("sealed-by-you")] : [])];
      return make("li", own(plainName(file.name)), " ", make("small", told.join(" ")));
    });
  }

  /** What is wrong with files that were still being looked at, once all of them have been. */
  async settled(): Promise<Problem[]> {
    return (await this.adding) ?? [];
  }

  private async behind(before: Promise<Problem[]> | undefined, added: readonly File[]): Promise<Problem[]> {
    return [...((await before) ?? []), ...(await this.add(added))];
  }

  private async add(added: readonly File[]): Promise<Problem[]> {
    const problems: Problem[] = [];
    const largest = Number(this.view.data["largest"]);
    const megabytes = this.view.number(Math.max(1, Math.floor(largest / 1048576)));
    for (const file of added) {
      const name = plainName(file.name);
      const refuse = (why: string): number => problems.push({ field: "files", sentence: sentence(why, { name, size: megabytes }) });
      if (file.size === 0) refuse("file-empty");
      else if (file.size > largest) refuse("too-large");
      else if (this.chosen.length >= Number(this.view.data["files"])) refuse("too-many");
      else if (!(await isSealed(file, name))) this.chosen.push(file);
      else if (!(await isWhole(file))) refuse("damaged-seal");
      else {
        this.sealed.add(file);
        this.chosen.push(file);
      }
    }
    return problems;
  }

  private draw(): void {
    for (const list of all("[data-held]", this.view.root)) {
      list.replaceChildren(
        ...this.lines().map((line, place) => {
          const hidden = make("span", ` ${plainName(this.chosen[place]!.name)}`);
          hidden.className = "unseen";
          const button = make("button", sentence("remove"), hidden);
          button.type = "button";
          button.className = "small";
          button.addEventListener("click", () => {
            this.chosen.splice(place, 1);
            this.draw();
          });
          line.append(" ", button);
          return line;
        }),
      );
    }
  }
}

/** Ask whether every file can still be read: a file that moved away would only be found when it is sealed. */
export async function unreadable(files: readonly File[]): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const file of files) {
    try {
      await file.slice(0, 1).arrayBuffer();
    } catch {
      problems.push({ field: "files", sentence: sentence("unread", { name: plainName(file.name) }) });
    }
  }
  return problems;
}
