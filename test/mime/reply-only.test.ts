import { describe, expect, test } from "vitest";
import { replyOnlyHtml } from "../../src/mime/reply-only-html.ts";
import { replyOnly } from "../../src/mime/reply-only.ts";

describe("who wrote, above a quote, in many languages", () => {
  test.each([
    "On Mon, Nov 23, 2026 at 10:00 AM Ann Lee <ann@x.example> wrote:",
    "On 23 Nov 2026, at 10:00, Ann Lee <ann@x.example> wrote:",
    "Am Mo., 23. Nov. 2026 um 10:00 Uhr schrieb Ann <ann@x.example>:",
    "Am 23.11.2026 um 10:00 schrieb Ann:",
    "Le lun. 23 nov. 2026 à 10:00, Ann <ann@x.example> a écrit :",
    "El lun, 23 nov 2026 a las 10:00, Ann (<ann@x.example>) escribió:",
    "Il giorno lun 23 nov 2026 alle ore 10:00 Ann\n<ann@x.example> ha scritto:",
    "Op ma 23 nov 2026 om 10:00 schreef Ann <ann@x.example>:",
    "Em seg., 23 de nov. de 2026 às 10:00, Ann <ann@x.example> escreveu:",
    "pon., 23 lis 2026 o 10:00 Ann <ann@x.example> napisał(a):",
    "Den mån 23 nov. 2026 kl 10:00 skrev Ann <ann@x.example>:",
    "Den man. 23. nov. 2026 kl. 10.00 skrev Ann <ann@x.example>:",
    "2026年11月23日(月) 10:00 Ann <ann@x.example>:",
    "2026/11/23 10:00、Ann <ann@x.example>のメール:",
    "Ann <ann@x.example> 于2026年11月23日周一 10:00写道：",
    "On Monday, November 23, 2026 at 10:00:00 AM GMT+1, Ann With A Very Long\nName Indeed <ann.with.a.very.long.name@department.example.com>\nwrote:",
  ])("%s", (line) => {
    expect(replyOnly(`Yes.\n\n${line}\n> old\n>\n> older\n`)).toBe("Yes.");
    expect(replyOnly(`Yes.\n\n${line}\n\n> old\n\nmine`)).toBe("Yes.\n\nmine");
  });

  test("without quote marks below only where a date makes it certain", () => {
    expect(replyOnly("Yes.\n\nOn Mon, Nov 23, 2026 at 10:00 Ann <a@x> wrote:\n\nold\nolder")).toBe("Yes.");
    for (const mine of ["He wrote:\n\nthis", "On page 3 she wrote:\n\nthis", "Amen 2026 I wrote:\nx"])
      expect(replyOnly(mine)).toBe(mine);
  });
});

describe("originals in full, below Outlook's fields", () => {
  test.each([
    "From: Ann\nSent: Monday\nTo: Bob\nCc: Cat\nSubject: x",
    "*From:* Ann <a@x>\n*Sent:* Monday\n*To:* Bob\n*Subject:* x",
    "Von: Ann\nGesendet: Montag\nAn: Bob\nBetreff: x",
    "De : Ann\nEnvoyé : lundi\nÀ : Bob\nObjet : x",
    "De: Ann\nEnviado el: lunes\nPara: Bob\nAsunto: x",
    "Da: Ann\nInviato: lunedì\nA: Bob\nOggetto: x",
    "Van: Ann\nVerzonden: maandag\nAan: Bob\nOnderwerp: x",
    "De: Ann\nEnviada em: segunda\nPara: Bob\nAssunto: x",
    "Od: Ann\nWysłano: poniedziałek\nDo: Bob\nTemat: x",
    "Från: Ann\nSkickat: måndag\nTill: Bob\nÄmne: x",
    "Fra: Ann\nSendt: mandag\nTil: Bob\nEmne: x",
    "差出人: Ann\n送信日時: 2026年\n宛先: Bob\n件名: x",
    "发件人: Ann\n发送时间: 2026年\n收件人: Bob\n主题: x",
    "-----Original Message-----\nFrom: Ann",
    "-----Ursprüngliche Nachricht-----",
    "-------- Message d'origine --------",
    "---------- Forwarded message ---------",
    "------------------ 原始邮件 ------------------",
  ])("%s", (header) => {
    expect(replyOnly(`Yes.\n\n${header}\n\nold`)).toBe("Yes.");
    expect(replyOnly(`Yes.\n\n________________________________\n${header}\n\nold`)).toBe("Yes.");
  });

  test("two of them are no header", () => {
    const mine = "From: here\nTo: there\nwe went";
    expect(replyOnly(mine)).toBe(mine);
  });
});

describe("signatures", () => {
  test.each([
    ["a signature", "a\n-- \nAnn\nCEO", "a"],
    ["one above quotes", "a\n-- \nAnn\n\nOn 1 Jan 2026, Ann wrote:\n> q\nb", "a\n\nb"],
    ["a phone's", "a\n\nSent from my iPhone", "a"],
    ["a phone's above quotes", "a\n\nVon meinem iPhone gesendet\n\n> q", "a"],
    ["Outlook's", "a\n\nGet Outlook for iOS<https://aka.ms/o0ukef>", "a"],
    ["a sentence like it", "Sent from my desk, about phones.\nBye", "Sent from my desk, about phones.\nBye"],
    ["a rule", "a\n---\nb", "a\n---\nb"],
  ])("%s", (_, text, expected) => expect(replyOnly(text)).toBe(expected));
});

test("answers between quotes stay", () => {
  expect(replyOnly("Hi\n\n> q1\na1\n> q2\n\na2\n\n-- \nAnn\n")).toBe("Hi\n\na1\n\na2");
  expect(replyOnly(">From here on\nmine")).toBe(">From here on\nmine");
});

test.each(["> all\n> quoted", "---------- Forwarded message ---------\nFrom: x\nall", "Sent from my iPhone", ""])(
  "never is nothing left of something: %s",
  (text) => expect(replyOnly(text)).toBe(text),
);

describe("in HTML", () => {
  const gmail = (rest: string) =>
    `<div dir="ltr">mine</div><br><div class="gmail_quote gmail_quote_container">${rest}</div>`;
  test.each([
    ["Gmail", gmail('<div class="gmail_attr">On Ann wrote:<br></div><blockquote class="gmail_quote">old</blockquote>')],
    ["Gmail's forward", gmail('<div class="gmail_attr">---------- Forwarded message ---------<br></div>old')],
    [
      "Thunderbird",
      '<p>mine</p><div class="moz-cite-prefix">On 1 Ann wrote:<br></div><blockquote type="cite">old</blockquote>',
    ],
    [
      "Apple Mail",
      '<div>mine</div><div><blockquote type="cite"><div>On 1, Ann wrote:</div><div>old</div></blockquote></div>',
    ],
    [
      "Fastmail",
      '<div>mine</div><div>On Mon, Ann &lt;<a href="mailto:x">x</a>&gt; wrote:<br></div><blockquote type="cite">old</blockquote>',
    ],
    [
      "Outlook on the web",
      '<div>mine</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>From:</b> old</div><div>old</div>',
    ],
    ["Outlook that came by Outlook", '<div>mine</div><hr><div id="x_divRplyFwdMsg">old</div><div>old</div>'],
    [
      "Outlook for Windows",
      '<div><p>mine</p><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>Von:</b> Ann<br><b>Gesendet:</b> old<br><b>An:</b> Bob<br><b>Betreff:</b> x</p></div><p>old</p></div>',
    ],
    ["Yahoo", '<div>mine</div><div id="ydp1yahoo_quoted" class="yahoo_quoted">old</div>'],
    [
      "Proton",
      '<div>mine</div><div class="protonmail_quote">old<blockquote class="protonmail_quote" type="cite">old</blockquote></div>',
    ],
    ["a signature", '<div>mine</div><div class="gmail_signature" data-smartmail="gmail_signature">old</div>'],
  ])("%s", (_, html) => {
    const own = replyOnlyHtml(html);
    expect(own).toContain("mine");
    expect(own).not.toMatch(/old|wrote|Forwarded/);
  });

  test("answers between quotes stay", () => {
    const own = replyOnlyHtml(
      "<p>a</p><blockquote type=cite>old<p>old</blockquote><p>b</p><blockquote type=cite>old</blockquote>c",
    );
    expect(own).toBe("<p>a</p><p>b</p>c");
  });

  test.each(['<blockquote type="cite">all</blockquote>', "<p>a</p><blockquote>b</blockquote>", "<p>plain"])(
    "stays as it is where nothing would be left, and where nothing is marked: %s",
    (html) => expect(replyOnlyHtml(html)).toBe(html),
  );
});

test("takes time in proportion to the length", () => {
  const begin = performance.now();
  for (const piece of [
    "> ",
    "On 1 x\n",
    "From: a\n",
    "--\n",
    "On 1 wrote:\n",
    "_",
    "a écrit",
    "schrieb am ",
    "-----\n",
  ])
    replyOnly(piece.repeat(1_000_000 / piece.length));
  for (const piece of [
    "<blockquote type=cite>",
    "<div class=gmail_quote>",
    "<p>From: a<br>Sent: b</p>",
    "On 1 wrote:",
    "<",
  ])
    replyOnlyHtml(piece.repeat(1_000_000 / piece.length));
  expect(performance.now() - begin).toBeLessThan(8000);
});
