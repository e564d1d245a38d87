import { lines, mail, type CorpusMessage } from "./corpus.ts";

const flow = (name: string, body: string, text: string, parameters = "") =>
  mail(`flowed: ${name}`, [`Content-Type: text/plain; charset=utf-8; format=flowed${parameters}`], `\r\n${body}`, {
    text,
  });

export const flowed: CorpusMessage[] = [
  flow("paragraphs", lines("one ", "two", "", "three"), "one two\n\nthree\n"),
  flow("quotes", lines("> a ", "> b", ">> c ", ">> d", "e"), "> a b\n>> c d\ne\n"),
  flow("space-stuffing", lines(" From here", " >no quote", "  two"), "From here\n>no quote\n two\n"),
  flow("a signature", lines("bye ", "-- ", "me"), "bye \n-- \nme\n"),
  flow("DelSp", lines("Donau ", "dampf ", " fahrt"), "Donaudampffahrt\n", "; delsp=yes"),
  flow("names in upper case", lines("one ", "two"), "one two\n", "; FORMAT=Flowed; DELSP=No"),
];
