/**
 * Text as i;unicode-casemap compares it (RFC 5051 §2), which IMAP servers search by: each character's simple titlecase,
 * decomposed. So `cafe` is found in `Café`, and `ss` is not in `ß`. Runs of white space are one space: where a field was folded
 * is nobody's to know.
 */
export function foldText(text: string): string {
  const folded = isAscii.test(text) ? text.toUpperCase() : text.replace(/[a-z]+|[^\0-\x7f]/gu, foldPiece);
  return /\s\s|[^\S ]/.test(folded) ? folded.replace(/\s+/g, " ") : folded;
}

// oxlint-disable-next-line no-control-regex
const isAscii = /^[\0-\x7f]*$/;

function foldPiece(piece: string): string {
  if (isAscii.test(piece)) return piece.toUpperCase();
  const known = foldedCharacters.get(piece);
  if (known !== undefined) return known;
  const folded = simpleTitle(piece).normalize("NFKD");
  if (foldedCharacters.size < mostFolded) foldedCharacters.set(piece, folded);
  return folded;
}

const foldedCharacters = new Map<string, string>();
const mostFolded = 10_000;

/** Characters that are two letters: Dž and its like have a case of their own. */
const digraphs = new Map(
  ["ǅǄǆ", "ǈǇǉ", "ǋǊǌ", "ǲǱǳ"].flatMap((all) => Array.from(all, (each) => [each, all.slice(0, 1)])),
);

function simpleTitle(character: string): string {
  const upper = character.toUpperCase();
  if (upper === character) return digraphs.get(character) ?? character;
  // Georgian's capitals are for whole words only.
  if (/[\u10d0-\u10ff]/.test(character)) return character;
  if (/^.$/su.test(upper)) return digraphs.get(character) ?? upper;
  // What becomes several letters has no simple mapping, but Greek letters with an iota below them.
  if (!/[\u1f80-\u1ffc]/.test(character)) return character;
  return character.normalize("NFKD").replace(/^./su, (letter) => letter.toUpperCase());
}
