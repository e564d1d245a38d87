import { enableCompileCache, registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * What `npm start` loads first (`--import`), so that the rest loads quickly and leaves little garbage behind. Postern runs without
 * it too. It is JavaScript, because stripping the types of this very file would load what it saves.
 *
 * Node keeps what it compiled, types stripped, from the first end of a process on. The folder is beside the code, for those
 * only who may write the code; where it can't be written, nothing is kept.
 */
enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/postern", import.meta.url)));

/**
 * drizzle-orm's package.json has 179 kB, and Node reads it anew for each of the hundred modules of the package, only to learn
 * that they are ES modules: a third of the start, and 30 MB that stay. Here they are told to be.
 */
registerHooks({
  resolve(specifier, context, next) {
    const { parentURL } = context;
    return specifier.startsWith(".") && parentURL?.includes("/node_modules/drizzle-orm/")
      ? { url: new URL(specifier, parentURL).href, format: "module", shortCircuit: true }
      : next(specifier, context);
  },
});
