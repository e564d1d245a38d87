import type { Part } from "../../src/mail/part.ts";

type Shape = Partial<Omit<Part, "section" | "contentType" | "children">>;

function make(contentType: string, shape: Shape, children: Part[]): Part {
  return {
    section: "",
    contentType,
    parameters: {},
    disposition: null,
    filename: null,
    contentId: null,
    encoding: "7bit",
    encodedSize: 0,
    ...shape,
    children,
  };
}

/** A part that is no multipart; `tree` gives it its section. */
export function leaf(contentType: string, shape: Shape = {}): Part {
  return make(contentType, shape, []);
}

/** A multipart. */
export function multi(subtype: string, children: Part[], shape: Shape = {}): Part {
  return make(`multipart/${subtype}`, shape, children);
}

/** A message/rfc822 part with its body. */
export function message(body: Part, shape: Shape = {}): Part {
  return make("message/rfc822", shape, [body]);
}

function number(part: Part, section: string): Part {
  if (part.contentType === "message/rfc822") {
    return { ...part, section, children: part.children.map((body) => numberBody(body, section)) };
  }
  const prefix = section === "" ? "" : `${section}.`;
  return { ...part, section, children: part.children.map((child, index) => number(child, `${prefix}${index + 1}`)) };
}

function numberBody(body: Part, section: string): Part {
  const isMultipart = body.contentType.startsWith("multipart/");
  return number(body, isMultipart ? section : section === "" ? "1" : `${section}.1`);
}

/** The tree with section paths as IMAP counts them. */
export function tree(root: Part): Part {
  return numberBody(root, "");
}
