/** What the page computes, for tests that compare it with the server's code. Not part of any page. */
export * as acts from "./acts.js";
export * as canonical from "./canonical.js";
export * as choice from "./choice.js";
export * as door from "./door.js";
export * as envelope from "./envelope.js";
export * as events from "./events.js";
export * as keys from "./keys.js";
export * as letters from "./letters.js";
export * as receipt from "./receipt.js";
export * as roster from "./roster.js";
export * as rooms from "./rooms.js";
export * as sealing from "./sealing.js";
export * as shares from "./shares.js";
export * as submission from "./submission.js";
export * as tar from "./tar.js";
export * as uploads from "./uploads.js";
export * as zawgyi from "./zawgyi.js";
