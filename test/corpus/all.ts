import { boundaries } from "./boundaries.ts";
import { charsets } from "./charsets.ts";
import type { CorpusMessage } from "./corpus.ts";
import { encodedWords } from "./encoded-words.ts";
import { flowed } from "./flowed.ts";
import { headers } from "./headers.ts";
import { messages } from "./messages.ts";
import { parameters } from "./parameters.ts";
import { shown } from "./shown.ts";
import { structures } from "./structures.ts";
import { transfer } from "./transfer.ts";
import { types } from "./types.ts";

/** Every awkward message, in the order in which they are delivered. */
export const corpus: CorpusMessage[] = [
  ...charsets,
  ...encodedWords,
  ...headers,
  ...parameters,
  ...structures,
  ...shown,
  ...messages,
  ...flowed,
  ...boundaries,
  ...types,
  ...transfer,
];
