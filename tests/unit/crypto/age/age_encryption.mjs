// Does a list of jobs with npm's age-encryption: what a browser or another program would do. The argument is a JSON
// file of jobs {op, recipients, identities, passphrase, armored, from, to}; `from` and `to` are paths.
import { readFileSync, writeFileSync } from "node:fs";
import { Decrypter, Encrypter, armor } from "age-encryption";

for (const job of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  const data = new Uint8Array(readFileSync(job.from));
  if (job.op === "encrypt") {
    const encrypter = new Encrypter();
    for (const recipient of job.recipients) encrypter.addRecipient(recipient);
    if (job.passphrase) {
      encrypter.setPassphrase(job.passphrase);
      encrypter.setScryptWorkFactor(4);
    }
    const sealed = await encrypter.encrypt(data);
    writeFileSync(job.to, job.armored ? armor.encode(sealed) : sealed);
  } else {
    const decrypter = new Decrypter();
    for (const identity of job.identities) decrypter.addIdentity(identity);
    if (job.passphrase) decrypter.addPassphrase(job.passphrase);
    const sealed = job.armored ? armor.decode(new TextDecoder().decode(data)) : data;
    writeFileSync(job.to, await decrypter.decrypt(sealed, "uint8array"));
  }
}
