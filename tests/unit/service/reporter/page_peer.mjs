// Runs the page's own library under Node: reads calls from stdin, one JSON a line, and answers each.
// Bytes travel as {"$bytes": base64}, maps as {"$map": [[key, value]…]}; `$n` is what call n gave.
import { Decrypter } from "age-encryption";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const library = await import(pathToFileURL(process.argv[2]).href);
const results = [];

const read = (value) => {
  if (Array.isArray(value)) return value.map(read);
  if (value === null || typeof value !== "object") return value;
  if ("$bytes" in value) return new Uint8Array(Buffer.from(value.$bytes, "base64"));
  if ("$map" in value) return new Map(value.$map.map(([key, each]) => [key, read(each)]));
  if ("$file" in value) return new File([read(value.$file)], value.name, { type: value.type ?? "" });
  if ("$date" in value) return new Date(value.$date);
  if ("$" in value) return results[value.$];
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, read(each)]));
};
const write = (value) => {
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (value instanceof Map) return { $map: [...value].map(([key, each]) => [key, write(each)]) };
  if (value instanceof Set) return [...value].map(write);
  if (Array.isArray(value)) return value.map(write);
  if (value === null || typeof value !== "object") return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, write(each)]));
};
const collect = async (pieces) => {
  const all = [];
  for await (const piece of pieces) all.push(Buffer.from(piece));
  return new Uint8Array(Buffer.concat(all));
};
const extra = {
  stream: (data) => new Blob([data]).stream(),
  collect,
  pieces: (made) => collect(made.pieces()),
  store: async (made) => void (extra.kept = await extra.pieces(made)),
  kept: () => extra.kept,
  // The package as everybody gets it, not as it stands in the script.
  stock: async (data, secret) => {
    const decrypter = new Decrypter();
    decrypter.addIdentity(secret);
    return decrypter.decrypt(data);
  },
  dated: (roster, day) => ({ ...roster, markedOn: day }),
  each: (name, list) => list.map((args) => find(name)(...args)),
};
const find = (path) => {
  const [module, name, method] = path.split(".");
  if (module === "extra") return extra[name];
  const found = library[module][name];
  return method ? found[method].bind(found) : found;
};

for await (const line of createInterface({ input: process.stdin })) {
  const { call, on, args } = JSON.parse(line);
  let answer;
  try {
    const given = args.map((each) => (each?.$store ? extra.store : each?.$quiet ? () => undefined : read(each)));
    const result = await (on === undefined ? find(call)(...given) : results[on][call](...given));
    results.push(result);
    answer = { value: write(result), number: results.length - 1 };
  } catch (error) {
    results.push(undefined);
    answer = { error: `${error?.why ?? ""}${error?.group || ""} ${error?.message ?? error}`.trim() };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
