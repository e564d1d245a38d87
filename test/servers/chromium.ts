import { type Browser, type BrowserContext, chromium, type Frame } from "playwright-core";
import { provision } from "./provision.ts";

const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];

/** Debian's, installed where it is missing. Whoever asks for it closes it. */
export async function launchChromium(): Promise<Browser> {
  await provision(["chromium"]);
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", ...quiet],
  });
}

/** Clicks and points at all that is in a document. */
const touching = `for (const element of document.querySelectorAll("*"))
  for (const type of ["mouseover", "focus", "animationstart"]) element.dispatchEvent(new Event(type));
for (const element of document.querySelectorAll(".click, [href^=javascript]")) element.click();`;

/** What a document does when it is touched; nothing where it has been left meanwhile. */
export async function touch(frame: Frame): Promise<void> {
  await frame.evaluate(touching).catch(() => {});
}

/** What was seen of the documents of a context since: the scripts that ran, as `hit(n)` tells them, and the URLs that were asked for. */
export type Seen = { ran: string[]; asked: string[] };

/** Watches all that is shown in a context; `isOurs` are URLs that it is meant to ask for. What it returns empties as it tells. */
export async function watch(context: BrowserContext, isOurs: (url: string) => boolean): Promise<() => Seen> {
  let seen = { ran: new Set<string>(), asked: new Set<string>() };
  context.on("console", (message) => void (message.text().startsWith("hit ") && seen.ran.add(message.text())));
  context.on("dialog", (dialog) => void dialog.dismiss());
  context.on("request", (request) => {
    const url = request.url();
    if (!/^(?:data|about|blob):/.test(url) && !isOurs(url)) seen.asked.add(url);
  });
  await context.addInitScript("window.hit = (n) => console.log('hit ' + n)");
  return () => {
    const told = { ran: [...seen.ran], asked: [...seen.asked] };
    seen = { ran: new Set(), asked: new Set() };
    return told;
  };
}
