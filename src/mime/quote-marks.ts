/** UTF-16 units of a line that are looked at: what says who wrote is no longer, but for names. */
const maxLine = 400;

/**
 * Ends of the line above a quote, in the languages of the mail programs that people have: English, German, French, Spanish,
 * Italian, Dutch, Portuguese, Polish, Swedish and Norwegian, Danish, Finnish, Czech, Japanese, Chinese.
 */
const wrote = new RegExp(
  String.raw`(?:\b(?:wrote|writes|schrieb|schreef|escribi[óo]|escreveu|skrev|scritto|kirjoitti|napsal\(a\)|napisa[łl]\(?a?\)?|schreef het volgende)` +
    String.raw`|a [ée]crit|geschreven|schrieb am [^:]{1,80}|のメール|が書き|書きました|写道|寫道|编写|写到)\s?(?:<[^<>]{3,200}>)?[^\p{L}]{0,3}[:：]$`,
  "iu",
);
/** Beginnings of such a line, for one without quote marks below it: a sentence may end in "wrote:" too. */
const begins =
  /^(?:(?:on|am|le|el|il|op|em|no dia|dnia|w dniu|den|d\.|p[åa]|dne|at)[\s,]|\d{4}[年/.-]|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|在|于|於).*\d/iu;
const yearOrTime = /(?:^|\D)(?:19|20)\d\d(?:\D|$)|\d[:.]\d\d/u;

/** German, Dutch and Scandinavian verbs stand before the name; Japanese and Chinese Gmail has none at all. */
const verbFirst = /\b(?:schrieb|schreef|skrev)\s.{1,200}[:：]$/iu;
const verbless = /^\d{4}年.{4,300}<[^<>]{3,200}>\s?[:：]$/u;

/** Whether a line, or some that were joined, says who wrote what is quoted below it. */
export function isAttribution(line: string): boolean {
  if (line.length > 2 * maxLine) return false;
  const text = line.trim();
  return wrote.test(text) || verbless.test(text) || (verbFirst.test(text) && begins.test(text));
}

/** Whether it does so without any doubt: with a date before the name. */
export function isDatedAttribution(line: string): boolean {
  return isAttribution(line) && begins.test(line.trim()) && yearOrTime.test(line);
}

/** Whether a line can be the first of an attribution that was folded. */
export function beginsAttribution(line: string): boolean {
  return line.length <= maxLine && begins.test(line.trim());
}

/** Lines of dashes with words, above an original or a forward; all that follows is of others. */
const divider =
  /^[\s*_]*[-_—–=]{2,40}\s*(?:original message|original appointment|forwarded message|reply message|urspr(?:ü|ue)ngliche (?:nachricht|e-?mail)|weitergeleitete nachricht|message (?:d'origine|original|transf[ée]r[ée])|mensaje (?:original|reenviado)|messaggio (?:originale|inoltrato)|oorspronkelijk bericht|doorgestuurd bericht|mensagem (?:original|encaminhada)|(?:wiadomo[śs][ćc] oryginalna|oryginalna wiadomo[śs][ćc]|przekazana wiadomo[śs][ćc])|ursprungligt meddelande|urspr(?:ungligt|\.) medd(?:elande)?|vidarebefordrat meddelande|oprindelig (?:meddelelse|besked)|videresendt meddelelse|元のメッセージ|転送メッセージ|原始邮件|原邮件|原始郵件|转发邮件|轉寄郵件|转发的邮件)\s*[-_—–=]{0,40}[\s*_]*$/iu;
const appleForward =
  /^(?:begin forwarded message|anfang der weitergeleiteten nachricht|d[ée]but du message r[ée]exp[ée]di[ée]|inicio del mensaje reenviado|inizio messaggio inoltrato|転送されたメッセージ|开始转发的邮件)\s?[:：]$/iu;

/** Whether a line stands between a message's own text and an original in full. */
export function isDivider(line: string): boolean {
  return line.length <= maxLine && (divider.test(line) || appleForward.test(line.trim()));
}

/** Fields that Outlook puts above an original, by what they are, in the languages above. */
const fields: [kind: string, names: RegExp][] = [
  ["from", /^(?:from|von|de|da|van|od|från|fra|fr[åa]n|l[äa]hett[äa]j[äa]|差出人|送信者|发件人|發件人|寄件者)$/iu],
  [
    "date",
    /^(?:sent|date|gesendet|datum|envoy[ée]|enviad[oa](?: em| el)?|fecha|inviato|data|verzonden|wys[łl]ano|skickat|sendt|dato|送信日時|日時|日付|发送时间|發送時間|傳送日期|时间|日期)$/iu,
  ],
  ["to", /^(?:to|an|[àa]|para|a|aan|do|till?|宛先|收件人|收件者)$/iu],
  ["subject", /^(?:subject|betreff|objet|asunto|oggetto|onderwerp|assunto|temat|[äa]mne|emne|件名|主题|主題|主旨)$/iu],
];

/** Which of Outlook's fields a line is: from, date, to or subject; null for any other. */
export function outlookField(line: string): string | null {
  const name = /^[\s*>]{0,8}([^:：*]{1,25}?)\s?\*?\s?[:：]\*?(?:\s|[^\s/])/u.exec(line.slice(0, 60))?.[1]?.trim() ?? "";
  return fields.find(([, names]) => names.test(name))?.[0] ?? null;
}

/** What a phone adds below what was written on it. */
const device =
  /^(?:sent (?:from|with|via) (?:my |the |an? )?\S.{1,40}|get outlook for (?:ios|android).{0,80}|von meinem .{2,40} gesendet|gesendet (?:von|mit) .{2,50}|envoy[ée] (?:de|depuis) .{2,50}|enviado (?:desde|do|de|a partir do) .{2,50}|inviato da(?:l mio)? .{2,50}|verzonden (?:vanaf|met|vanuit|van) .{2,50}|wys[łl]an[eoa] z .{2,50}|skickat fr[åa]n .{2,50}|sendt fra .{2,50}|(?:my |)iphoneから送信|.{1,20}から送信|发自我的.{1,30}|從我的.{1,20}傳送|发送自.{1,30})[.。!]?$/iu;
const deviceNames =
  /iphone|ipad|ios|android|mobil|phone|samsung|galaxy|huawei|xiaomi|pixel|blackberry|outlook|mail|windows|tablet|telefon|handy|t[ée]l[ée]phone|tel[ée]fono|手机|手機/iu;

/** Whether a line is what a phone or a mail program adds by itself. */
export function isDeviceLine(line: string): boolean {
  const text = line.trim();
  return text.length > 3 && text.length <= 120 && device.test(text) && deviceNames.test(text);
}
