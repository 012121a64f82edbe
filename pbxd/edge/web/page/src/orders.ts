// Orders under way: each is answered once, or counts as unknown when the line or pbxd's patience ends first.

import type { Reply } from "./desk";

/** An order that is not answered for so long (ms) counts as unknown; pbxd's own deadline is shorter. */
const PATIENCE = 15_000;

export class Orders {
  private readonly open = new Map<string, (reply: Reply) => void>();

  constructor(private readonly say: (saying: object) => boolean) {}

  /** Sends what `saying` makes of an id; the promise never fails. */
  give(saying: (id: string) => object): Promise<Reply> {
    const id = orderId();
    if (!this.say(saying(id))) return Promise.resolve({ id, outcome: "lost", text: "" });
    return new Promise((resolve) => {
      const timer = window.setTimeout(() => this.answered(unknown(id)), PATIENCE);
      this.open.set(id, (reply) => {
        window.clearTimeout(timer);
        resolve(reply);
      });
    });
  }

  answered(reply: Reply): void {
    const resolve = this.open.get(reply.id);
    this.open.delete(reply.id);
    resolve?.(reply);
  }

  /** The line is gone: nobody will answer any more. */
  lose(): void {
    for (const id of [...this.open.keys()]) this.answered(unknown(id));
  }
}

function unknown(id: string): Reply {
  return { id, outcome: "unknown", code: "no_answer", text: "" };
}

/** Not crypto.randomUUID: that exists only over TLS and on localhost. */
function orderId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
