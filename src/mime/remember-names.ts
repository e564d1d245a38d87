const mostNames = 1_000;

type Spelling = { _normalizeHeaderKey?: (name: unknown) => string };

/**
 * Has nodemailer's nodes remember how a field's name is spelled: they find it anew at every step, some thirty times in a short message,
 * which takes as long as all else of it. `nodes` is their prototype. The method is not of the public ones: without it nothing is changed.
 */
export function rememberNames(nodes: Spelling): void {
  const spell = nodes._normalizeHeaderKey;
  if (spell === undefined) return;
  /** Those that came first: nearly all messages have the same ones. */
  const known = new Map<unknown, string>();
  nodes._normalizeHeaderKey = (name) => {
    const remembered = known.get(name);
    if (remembered !== undefined) return remembered;
    const spelled = spell.call(nodes, name);
    if (typeof name === "string" && known.size < mostNames) known.set(name, spelled);
    return spelled;
  };
}
