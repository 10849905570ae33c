/**
 * What a reporter can do in their case besides writing, by the codes of `domain/wishes.py`.
 *
 * A wish is told by a message of the reporter's own, in the same request and before the act.
 */
import type { JsonObject } from "./canonical.js";

export interface Wish {
  readonly kind: string;
  readonly body: JsonObject;
  /** More fields of the sealed message. */
  readonly fields: JsonObject;
}

export function named(code: string): Wish {
  const [sort = "", what = ""] = code.split(":", 2);
  const of = (kind: string, body: JsonObject = {}, fields: JsonObject = {}): Wish => ({ kind, body, fields });
  switch (sort) {
    case "path":
      return of("path.chosen", { path: what });
    case "consent":
      return of("referral.consented", { referral: what });
    case "unconsent":
      return of("consent.withdrawn", { referral: what });
    case "view":
      return of("feedback.given", {}, { complainant_view: what });
    case "review":
      return of("review.requested");
    case "withdraw":
      return of("withdrawal.requested");
    case "checkin":
      return of("checkin.posted");
    default:
      throw new Error("no wish has this code");
  }
}
