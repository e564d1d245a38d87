import { expect, test } from "vitest";
import { refusal } from "../../../src/protocols/imap/failures.ts";

const where = { host: "imap.example.com", phase: "SELECT" };

test.each([
  ["Mailbox does not exist: Temporary", "not-found"],
  ["Mailbox 'Rate limit exceeded' doesn't exist", "not-found"],
  ["Mailbox doesn't exist: Too many connections", "not-found"],
  ["no such mailbox", "not-found"],
  ["Can't open Temporary", "refused-by-server"],
  ["Can't open Throttling", "refused-by-server"],
  ["Permission denied: Rate limits", "refused-by-server"],
  ["Temporary server error", "upstream-throttled"],
  ["The mailbox is temporarily unavailable", "upstream-throttled"],
  ["Too many requests, slow down", "upstream-throttled"],
  ["Your account is being throttled", "upstream-throttled"],
  ["Rate limit exceeded", "upstream-throttled"],
  ["Too many simultaneous connections", "account-busy"],
])("a NO that says %s is %s", (text, code) => {
  expect(refusal("NO", null, text, where).code).toBe(code);
});
