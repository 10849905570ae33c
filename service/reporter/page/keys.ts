/**
 * Keys: Ed25519 to sign with, post-quantum age identities to open with, and the receipt that both come from.
 *
 * - HKDF-SHA256 of the receipt's 16 bytes, salt `meyasubako receipt v1`, info = label ‖ newline ‖ origin.
 * - A key id is base64url of SHA-256(0x01 ‖ public key).
 * - Keys of small or mixed order verify nothing, as with the server's libsodium.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { base64, base64urlnopad, bech32 } from "@scure/base";
import { identityToRecipient } from "age-encryption";

export interface Identity {
  readonly secret: string;
  readonly recipient: string;
}

export interface SigningKey {
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly id: string;
}

export function signingKey(seed: Uint8Array): SigningKey {
  const publicKey = ed25519.getPublicKey(seed);
  return { seed, publicKey, id: keyId(publicKey) };
}

export function keyId(publicKey: Uint8Array): string {
  return base64urlnopad.encode(sha256(concatBytes(new Uint8Array([1]), publicKey)));
}

export function sign(message: Uint8Array, key: SigningKey): Uint8Array {
  return ed25519.sign(message, key.seed);
}

export function verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): void {
  const point = ed25519.Point.fromBytes(publicKey);
  const good = !point.isSmallOrder() && point.isTorsionFree();
  if (!good || !ed25519.verify(signature, message, publicKey, { zip215: false })) {
    throw new Error("a signature does not verify");
  }
}

export async function identity(seed: Uint8Array): Promise<Identity> {
  const secret = bech32.encodeFromBytes("AGE-SECRET-KEY-PQ-", seed).toUpperCase();
  return { secret, recipient: await identityToRecipient(secret) };
}

/** The identity in a wrap's plaintext: its line, and nothing else. */
export async function identityOf(line: string): Promise<Identity> {
  if (!/^AGE-SECRET-KEY-PQ-1[A-Z0-9]+\n$/.test(line)) throw new Error("the wrap does not hold a room's key");
  const secret = line.trim();
  return { secret, recipient: await identityToRecipient(secret) };
}

export function derive(entropy: Uint8Array, label: "age" | "sign", origin: string): Uint8Array {
  const info = utf8ToBytes(`${label}\n${origin}`);
  return hkdf(sha256, entropy, utf8ToBytes("meyasubako receipt v1"), info, 32);
}

export function encode64(data: Uint8Array): string {
  return base64.encode(data);
}

export function decode64(text: string): Uint8Array {
  return base64.decode(text);
}

/** SHA-256 in lower-case hex, the name of every payload. */
export function digestOf(data: Uint8Array): string {
  return bytesToHex(sha256(data));
}
