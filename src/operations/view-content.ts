import { Failure } from "../errors.ts";
import type { Fetched } from "../mail/mailbox.ts";
import type { Message } from "../mail/message.ts";
import { authenticationResults } from "../mime/authentication-results.ts";
import { calendarInvite } from "../mime/calendar-invite.ts";
import { decodeBodies, decodeText } from "../mime/decode-body.ts";
import { rawHeaders, readable, references } from "../mime/headers.ts";
import { listUnsubscribe } from "../mime/list-unsubscribe.ts";
import { preview } from "../mime/preview.ts";
import { isCalendar, previewPart } from "../mime/walk.ts";

/** What a message's whole header and its text parts say, besides what a listing tells. */
export async function viewContent(fetched: Fetched): Promise<Partial<Message>> {
  const { summary, header, bodies } = fetched;
  if (header === undefined || bodies === undefined)
    throw new Failure("upstream-protocol-error", "The mail server left the message's header out of its answer.");
  const raw = rawHeaders(header);
  const headers = readable(raw);
  const { warnings, ...text } = await viewText(fetched);
  return {
    references: references(headers),
    ...text,
    headers,
    listUnsubscribe: listUnsubscribe(raw),
    authenticationResults: authenticationResults(raw),
    warnings: [...new Set([...summary.warnings, ...warnings])],
  };
}

type TextMembers = Pick<Message, "preview" | "text" | "html" | "invite" | "warnings">;

/** What its text parts say; `warnings` are of these alone. */
export async function viewText({ summary, bodies = [] }: Fetched): Promise<TextMembers> {
  const { text, html, warnings } = await decodeBodies(bodies);
  const told = summary.structure && previewPart(summary.structure);
  const beginning = bodies.find(({ part }) => part.section === told?.section);
  const calendar = bodies.find(({ part }) => isCalendar(part));
  return {
    preview: beginning ? await preview(beginning.part, beginning.bytes, beginning.truncated) : "",
    text,
    html,
    invite: calendar ? calendarInvite((await decodeText(calendar.part, calendar.bytes)).text) : null,
    warnings,
  };
}
