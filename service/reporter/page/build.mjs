// Builds the scripts of the pages, always to the same bytes: `node build.mjs FOLDER` writes them there.
import { build } from "esbuild";
import { wordlist as czech } from "@scure/bip39/wordlists/czech.js";
import { wordlist as english } from "@scure/bip39/wordlists/english.js";
import { wordlist as french } from "@scure/bip39/wordlists/french.js";
import { wordlist as italian } from "@scure/bip39/wordlists/italian.js";
import { wordlist as japanese } from "@scure/bip39/wordlists/japanese.js";
import { wordlist as korean } from "@scure/bip39/wordlists/korean.js";
import { wordlist as portuguese } from "@scure/bip39/wordlists/portuguese.js";
import { wordlist as chineseSimplified } from "@scure/bip39/wordlists/simplified-chinese.js";
import { wordlist as spanish } from "@scure/bip39/wordlists/spanish.js";
// By its path: this version's list of exports has a slip in the name of this one file.
import { wordlist as chineseTraditional } from "../../../node_modules/@scure/bip39/wordlists/traditional-chinese.js";
import { writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const [folder, library] = process.argv.slice(2).map((path) => resolve(path));

const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  charset: "ascii",
  legalComments: "none",
  logLevel: "warning",
  target: ["es2022"],
  treeShaking: true,
};
const pages = { "page.js": "main.ts", "offline.js": "offline.ts" };
for (const [name, entry] of Object.entries(pages)) {
  await build({ ...common, entryPoints: [entry], format: "iife", outfile: join(folder, name) });
}
if (library) {
  await build({ ...common, entryPoints: ["library.ts"], format: "esm", outfile: library });
}
const lists = [
  english, japanese, korean, spanish, chineseSimplified, chineseTraditional, french, italian, czech, portuguese,
];
await writeFile(join(folder, "words.txt"), lists.flat().map((word) => `${word.normalize("NFC")}\n`).join(""));
