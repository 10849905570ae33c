// Opens a payload with the public package age-encryption alone: key file, wrap, room key, payload.
// Usage: node opened_with_stock_tools.mjs KEYFILE PASSPHRASE WRAP PAYLOAD OUT
import { readFileSync, writeFileSync } from "node:fs";
import * as age from "age-encryption";

const [keyfile, passphrase, wrap, payload, out] = process.argv.slice(2);

async function opened(file, setUp) {
  const decrypter = new age.Decrypter();
  setUp(decrypter);
  return decrypter.decrypt(readFileSync(file));
}

function identities(text) {
  return text.split("\n").filter((line) => line.startsWith("AGE-SECRET-KEY-"));
}

const utf8 = new TextDecoder();
const own = identities(utf8.decode(await opened(keyfile, (d) => d.addPassphrase(passphrase))));
const room = identities(utf8.decode(await opened(wrap, (d) => own.forEach((key) => d.addIdentity(key)))));
writeFileSync(out, await opened(payload, (d) => room.forEach((key) => d.addIdentity(key))));
