import { expect, test } from "vitest";
import { addressIn, saidByServer } from "../../src/mime/said-by-server.ts";

test.each<[string, number | null, string | null, string | null]>([
  ["550 5.1.1 no such user", 550, "5.1.1", null],
  ["550-5.7.26 long\n550 5.7.26 words", 550, "5.7.26", null],
  [
    "host mx.example.net[192.0.2.1] said: 451 4.7.1 greylisted (in reply to RCPT TO command)",
    451,
    "4.7.1",
    "mx.example.net",
  ],
  ["host 192.0.2.1 said: 550 no", 550, null, "192.0.2.1"],
  ["connected to mx.example.net, but sender was rejected: 553 no", 553, null, "mx.example.net"],
  ["mx.example.net [IPv6:2001:db8::1] did not like", null, null, null],
  ["mx.example.net [2001:db8::1] did not like", null, null, "mx.example.net"],
  ["Remote Server returned '554 5.4.14 Hop count'", 554, "5.4.14", null],
  ["Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1", 550, "5.1.1", null],
  ["Sorry. (#5.1.2)", null, "5.1.2", null],
  ["<<< 550 x", null, null, null],
  // Numbers that are no codes.
  ["timed out after 450 seconds on port 465", null, null, null],
  ["192.0.2.250 and 4.5.6.7 and 15.1.1 and 5.1", null, null, null],
  ["250 2.0.0 Ok: queued", null, null, null],
  ["listed by zen.example.org since 2026", null, null, null],
  ["", null, null, null],
])("%j", (words, code, status, remoteMta) => expect(saidByServer(words)).toMatchObject({ code, status, remoteMta }));

test.each([
  ["bob@example.net", "bob@example.net"],
  [" <bob@example.net> (Bob)", "bob@example.net"],
  ["bob@example.net (Bob)", "bob@example.net"],
  ["bob@[192.0.2.1]", "bob@[192.0.2.1]"],
  ["bob@", null],
  ["@example.net", null],
  ["|/bin/cat bob@example.net", null],
  [`${"b".repeat(400)}@x.y`, null],
])("the address of %j", (text, email) => expect(addressIn(text)).toBe(email));
