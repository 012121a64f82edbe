// What this page knows and does, without how it looks: the session, the link, the desk's state, the orders.

import type { ReactiveController, ReactiveControllerHost } from "lit";
import { type Change, type Pop, type Reply, type Snapshot, type State, type SwitchLink, withClosed, withPop } from "./desk";
import { Link, type LinkState } from "./link";
import type { Me } from "./sign-in";
import type { Words } from "./words";

export type Standing = "starting" | "signed_out" | "signed_in" | "crowded" | "nonsense";
export type Notice = { tone: "bad" | "paused"; text: (words: Words) => string };

/** An order that is not answered for so long (ms) counts as unknown; pbxd's own deadline is shorter. */
const ORDER_PATIENCE = 15_000;

export class Station implements ReactiveController {
  standing: Standing = "starting";
  me: Me | null = null;
  desk: State | null = null;
  pops: Pop[] = [];
  link: LinkState = { is: "connecting" };
  order: { id: string; paused: boolean } | null = null;
  notice: Notice | null = null;
  /** pbxd's time, epoch seconds; moves once a second. */
  now = Date.now() / 1000;

  private wire: Link | null = null;
  private skew = 0; // seconds by which pbxd's clock is ahead of this machine's
  private orderTimer = 0;
  private ticking = 0;
  private readonly acknowledged = new Set<string>();

  constructor(
    private readonly host: ReactiveControllerHost,
    /** A call of this agent is over. */
    private readonly callOver: () => void,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    this.ticking = window.setInterval(() => this.tick(), 1000);
    void this.start();
  }

  hostDisconnected(): void {
    window.clearInterval(this.ticking);
    this.wire?.stop();
  }

  /** The pops are on the screen now: tell pbxd which. */
  hostUpdated(): void {
    for (const pop of this.pops) {
      if (this.acknowledged.has(pop.id)) continue;
      if (this.wire?.say({ type: "ack", pop: pop.id })) this.acknowledged.add(pop.id);
    }
  }

  /** Calls that are not over, oldest first. */
  get open(): Pop[] {
    return this.pops.filter((pop) => pop.closed === undefined);
  }

  /** The switches of this agent that pbxd cannot hear. */
  get unheard(): SwitchLink[] {
    return this.desk?.links.filter((link) => !link.up) ?? [];
  }

  private tick(): void {
    this.now = Date.now() / 1000 + this.skew;
    this.host.requestUpdate();
  }

  // ------------------------------------------------------------ session

  private async start(): Promise<void> {
    try {
      const answer = await fetch("/api/me", { signal: AbortSignal.timeout(10_000) });
      if (answer.ok) return this.enter((await answer.json()) as Me);
    } catch {
      // pbxd does not answer; the sign-in form will say so when it is used.
    }
    this.standing = "signed_out";
    this.host.requestUpdate();
  }

  enter(me: Me): void {
    this.me = me;
    this.standing = "signed_in";
    this.notice = null;
    this.wire = new Link({
      snapshot: (body, now) => this.takeSnapshot(body, now),
      change: (change) => this.takeChange(change),
      state: (state) => this.takeLink(state),
      refused: (text) => console.warn("pbxd refused:", text),
      ended: (why) => this.leave(why),
    });
    this.wire.open();
    this.host.requestUpdate();
  }

  private leave(why: "signed_out" | "crowded" | "nonsense"): void {
    this.wire?.stop();
    this.wire = null;
    this.standing = why;
    this.desk = null;
    this.pops = [];
    if (why === "signed_out") this.me = null;
    this.settle();
  }

  async signOut(): Promise<void> {
    try {
      const answer = await fetch("/api/session", {
        method: "DELETE",
        headers: { "X-CSRF-Token": this.me?.csrf ?? "" },
        signal: AbortSignal.timeout(10_000),
      });
      if (!answer.ok && answer.status !== 401) throw new Error(String(answer.status));
      this.leave("signed_out");
    } catch {
      this.notify({ tone: "bad", text: (words) => words.noAnswer });
    }
  }

  // ------------------------------------------------------------ what pbxd says

  private takeLink(state: LinkState): void {
    this.link = state;
    if (state.is !== "up" && this.order) this.settle({ tone: "paused", text: (words) => words.orderUnknown("") });
    this.host.requestUpdate();
  }

  private takeSnapshot(body: Snapshot, now: number): void {
    this.skew = now - Date.now() / 1000;
    this.desk = { agent: body.agent, queues: body.queues, links: body.links };
    this.pops = body.pops;
    for (const pop of body.pops) if (pop.closed !== undefined) this.acknowledged.add(pop.id);
    this.tick();
  }

  private takeChange(change: Change): void {
    switch (change.kind) {
      case "state":
        this.desk = change.body;
        break;
      case "screenpop":
        this.pops = withPop(this.pops, change.body);
        break;
      case "screenpop_closed":
        this.pops = withClosed(this.pops, change.body.id, change.body.reason);
        this.callOver();
        break;
      case "order":
        this.takeReply(change.body);
        break;
    }
    this.tick();
  }

  private takeReply(reply: Reply): void {
    if (this.order?.id !== reply.id) return;
    if (reply.outcome === "done") return this.settle();
    const bad = reply.outcome === "refused";
    this.settle({
      tone: bad ? "bad" : "paused",
      text: (words) => (bad ? words.orderRefused(reply.text) : words.orderUnknown(reply.text)),
    });
  }

  // ------------------------------------------------------------ what the agent does

  pause(paused: boolean): void {
    const id = orderId();
    if (!this.wire?.say({ type: "pause", order: id, paused })) {
      this.notify({ tone: "bad", text: (words) => words.orderLost });
      return;
    }
    this.order = { id, paused };
    window.clearTimeout(this.orderTimer);
    this.orderTimer = window.setTimeout(
      () => this.settle({ tone: "paused", text: (words) => words.orderUnknown("") }),
      ORDER_PATIENCE,
    );
    this.notify(null);
  }

  /** The order is over, well or not. */
  private settle(notice: Notice | null = this.notice): void {
    window.clearTimeout(this.orderTimer);
    this.order = null;
    this.notify(notice);
  }

  notify(notice: Notice | null): void {
    this.notice = notice;
    this.host.requestUpdate();
  }

  reconnect(): void {
    this.wire?.now();
  }
}

/** Not crypto.randomUUID: that exists only over TLS and on localhost. */
function orderId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
