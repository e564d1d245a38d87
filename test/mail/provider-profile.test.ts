import { expect, test } from "vitest";
import { profileOf, providerProfiles } from "../../src/mail/provider-profile.ts";

test("who files what was sent by itself is known by its submission server, and nobody else is thought to", () => {
  for (const host of ["smtp.gmail.com", "SMTP.Office365.com.", "smtp-mail.outlook.com", "smtp.zoho.eu"])
    expect(profileOf(host)).toMatchObject({ filesSentCopy: true });
  const others = providerProfiles.filter(({ filesSentCopy }) => !filesSentCopy).map(({ id }) => id);
  expect(others).toEqual(["yahoo", "aol", "icloud", "qq", "netease", "fastmail", "rambler", "yandex", "mailru", "gmx"]);
  expect(profileOf("smtp.example.com")).toBeNull();
});
