type Range = { type: string; subtype: string; quality: number };

/** Media ranges of an Accept field (RFC 9110 §12.5.1); what is malformed is left out. */
function ranges(header: string): Range[] {
  return header.split(",").flatMap((item) => {
    const [range = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
    const match = /^([^\s/]+)\/([^\s/]+)$/.exec(range);
    if (match?.[1] === undefined || match[2] === undefined) return [];
    const weight = parameters.find((parameter) => /^q\s*=/.test(parameter));
    const quality = weight === undefined ? 1 : Number(weight.slice(weight.indexOf("=") + 1));
    return [{ type: match[1], subtype: match[2], quality: Number.isFinite(quality) ? quality : 0 }];
  });
}

/** Whether one of the media types `offered` fits; the most exact range decides. An empty or unreadable field takes all. */
export function accepts(header: string, offered: string[]): boolean {
  const wanted = ranges(header);
  if (wanted.length === 0) return true;
  return offered.some((media) => {
    const [type = "*", subtype = "*"] = media.split(";")[0]?.trim().toLowerCase().split("/") ?? [];
    const fitting = [
      wanted.filter((range) => range.type === type && range.subtype === subtype),
      wanted.filter((range) => range.type === type && range.subtype === "*"),
      wanted.filter((range) => range.type === "*" && range.subtype === "*"),
    ].find((found) => found.length > 0);
    return fitting !== undefined && fitting.some((range) => range.quality > 0);
  });
}
