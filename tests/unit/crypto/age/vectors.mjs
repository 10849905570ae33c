// Prints the CCTV age vectors as JSON: name → base64 of the vector's file.
import * as vectors from "cctv-age";
const entries = Object.entries(vectors).map(([name, data]) => [name, Buffer.from(data).toString("base64")]);
process.stdout.write(JSON.stringify(Object.fromEntries(entries)));
