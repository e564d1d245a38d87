import { Failure } from "../../errors.ts";
import type { Identity } from "../../mail/mailbox.ts";
import type { MaildropPlace } from "../../mail/message.ts";
import { assertAlone } from "./assert-alone.ts";
import { type Call, sortPlaces } from "./call.ts";

/** The messages at these places, in the order of the places, and which of them can't be told from others; those that are gone are left out. */
export async function identities(call: Call, places: MaildropPlace[]): Promise<Identity<MaildropPlace>[]> {
  const { there, missing } = await sortPlaces(call, places);
  const gone = new Set(missing);
  const unfit = new Map([...there].flatMap(([number, place]) => whyUnfit(call, number, place)));
  return places
    .filter((place) => !gone.has(place))
    .map((place) => {
      const why = unfit.get(place);
      return { place, key: null, ...(why && { unfit: why }) };
    });
}

function whyUnfit(call: Call, number: number, place: MaildropPlace): [MaildropPlace, Failure][] {
  try {
    assertAlone(call, new Map([[number, place]]));
    return [];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return [[place, error]];
  }
}
