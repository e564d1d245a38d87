import { createInProcessWake } from "../background/in-process-wake.ts";
import type { Wake, WakeTopic } from "../mail/wake.ts";
import type { Clock } from "../observe.ts";
import { accountObject, type Bindings, deliveriesObject } from "./bindings.ts";

/** Where the work of a topic is done. */
const doneBy: Record<WakeTopic, "account" | "deliveries" | null> = {
  submissions: "account",
  "follow-ups": "account",
  watch: "account",
  events: "deliveries",
  deliveries: "deliveries",
  "submission-final": null,
  nodes: null,
};

/** What is written elsewhere is looked for again after this long, milliseconds: nobody tells of it. */
const lookMs = 1_500;

/** A call to the object that does the work of a topic; it may fail, for a cron finds what is overdue. */
function callObject(bindings: Bindings, topic: WakeTopic, key: string): Promise<void> | null {
  if (doneBy[topic] === "account") return accountObject(bindings, key).call(key);
  return doneBy[topic] === "deliveries" ? deliveriesObject(bindings).call() : null;
}

/**
 * `Wake` where requests are answered one by one: it calls the objects, by `later`, which lets a call outlive its request. No request can wait for
 * another one there, so who waits is told to look again.
 */
export function createFrontWake(bindings: Bindings, clock: Clock, later: (work: Promise<unknown>) => void): Wake {
  return {
    wake(topic, key) {
      const call = callObject(bindings, topic, key);
      if (call !== null) later(call.catch(() => {}));
    },
    async wait(_topics, _key, ms, signal) {
      await clock.sleep(Math.min(ms, lookMs), signal);
      return false;
    },
  };
}

/** Whether an account's object does the work of the topic. */
export function isAccountWork(topic: WakeTopic): boolean {
  return doneBy[topic] === "account";
}

/** `Wake` in an object that does some work itself: `mine` is asked first, and true when it takes the work; else another object is called. */
export function createObjectWake(
  bindings: Bindings,
  clock: Clock,
  mine: (topic: WakeTopic, key: string) => boolean,
): Wake {
  const here = createInProcessWake(clock);
  return {
    wake(topic, key) {
      here.wake(topic, key);
      if (!mine(topic, key)) callObject(bindings, topic, key)?.catch(() => {});
    },
    wait: (...what) => here.wait(...what),
  };
}
