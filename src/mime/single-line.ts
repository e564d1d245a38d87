/**
 * A text that a stranger wrote, fit for a header and for one line (`checkHeaderText` takes it): line breaks, controls and
 * runs of white space become one space, lone surrogates U+FFFD. What is longer than `most` UTF-16 units is cut, never
 * inside a character, and ends in `…`.
 */
export function singleLine(text: string, most: number): string {
  const line = text
    .slice(0, 4 * most)
    .replace(/[\p{Cc}\s]+/gu, " ")
    .trim()
    .toWellFormed();
  if (line.length <= most) return line;
  const cut = line.slice(0, most - 1);
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}
