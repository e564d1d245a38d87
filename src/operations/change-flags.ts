import type { FlagChange } from "../mail/flags.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { AccountRow } from "../store/rows.ts";
import { type Found, gone } from "./find-message.ts";
import { withPlaces } from "./found.ts";
import { asOurs, type OurDoing } from "./our-doing.ts";

/** Changes flags and keywords of a found message, told to the watcher as our doing. Fails `message-gone`, `unsupported-by-server` for keywords. */
export async function changeFlags(
  needs: OurDoing,
  mailbox: Mailbox,
  account: AccountRow,
  found: Found,
  change: FlagChange,
): Promise<void> {
  if ((await changeFlagsOf(needs, mailbox, account, [found], change)).length > 0) throw gone();
}

/** The same for messages of one folder; returns those that are not there. */
export async function changeFlagsOf(
  needs: OurDoing,
  mailbox: Mailbox,
  account: AccountRow,
  found: Found[],
  change: FlagChange,
): Promise<Found[]> {
  const work = async (): Promise<Found[]> => {
    const { missing } = await mailbox.setFlags(
      found.map(({ place }) => place),
      change,
    );
    return withPlaces(found, missing);
  };
  return asOurs(needs, account, found, { kind: "flags", change }, work, (missing) => missing);
}
