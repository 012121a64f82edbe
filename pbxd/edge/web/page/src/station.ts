// What this page knows and does, without how it looks: the session, the link, the desk's state, the orders.

import type { ReactiveController, ReactiveControllerHost } from "lit";
import {
  type Callback,
  type Change,
  type Handover,
  type Missed,
  type Pop,
  popOf,
  type Reply,
  type Snapshot,
  type State,
  type SwitchLink,
  type Transfer,
  type Transferring,
  withClosed,
  withEvent,
  withHandover,
  withPop,
  withTransfer,
} from "./desk";
import { Link, type LinkState } from "./link";
import { Orders } from "./orders";
import type { Me } from "./sign-in";
import { outcomeOf } from "./say";
import type { Words } from "./words";

export type Standing = "starting" | "signed_out" | "signed_in" | "crowded" | "nonsense";
export type Notice = { tone: "bad" | "paused"; text: (words: Words) => string };

export class Station implements ReactiveController {
  standing: Standing = "starting";
  me: Me | null = null;
  desk: State | null = null;
  pops: Pop[] = [];
  transfers: Transfer[] = [];
  missed: Missed = {};
  handovers: Handover[] = [];
  callbacks: Callback[] = [];
  link: LinkState = { is: "connecting" };
  /** Whether he pauses or resumes just now. */
  order: { paused: boolean } | null = null;
  /** Whether he says just now that he is ready again. */
  endsWrapUp = false;
  notice: Notice | null = null;
  /** pbxd's time, epoch seconds; moves once a second. */
  now = Date.now() / 1000;

  private wire: Link | null = null;
  private skew = 0; // seconds by which pbxd's clock is ahead of this machine's
  private ticking = 0;
  /** Transfers whose end the agent has read. */
  private readonly read = new Set<string>();
  private readonly acknowledged = new Set<string>();
  private readonly orders = new Orders((saying) => this.wire?.say(saying) ?? false);

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

  /** The pops and hand-overs are on the screen now: tell pbxd which. */
  hostUpdated(): void {
    for (const { id, transfer } of this.handovers) {
      if (this.acknowledged.has(id)) continue;
      if (this.wire?.say({ type: "ack_handover", transfer })) this.acknowledged.add(id);
    }
    for (const pop of this.pops) {
      if (this.acknowledged.has(pop.id)) continue;
      if (this.wire?.say({ type: "ack", pop: pop.id })) this.acknowledged.add(pop.id);
    }
  }

  /** Calls that are not over, oldest first; also those that were handed over and are about to ring here. */
  get open(): Pop[] {
    const open = this.pops.filter((pop) => pop.closed === undefined);
    const coming = this.handovers.filter((each) => !open.some((pop) => pop.call === each.call));
    return [...open, ...coming.map(popOf)];
  }

  /** The hand-over to this agent that a call came with. */
  handoverOf(call: string): Handover | null {
    return this.handovers.filter((each) => each.call === call).at(-1) ?? null;
  }

  /** The newest transfer of a call that this agent makes (or is the target of). */
  transferOf(call: string): Transfer | null {
    return this.transfers.filter((each) => each.call === call).at(-1) ?? null;
  }

  /** How the transfer stands with which a call was handed over; null for one made on a phone, or long over. */
  standingOf(handover: Handover): Transfer | null {
    return this.transfers.find((each) => each.id === handover.transfer) ?? null;
  }

  /** Transfers that this agent makes of calls that no card shows. */
  get strays(): Transfer[] {
    const { open } = this;
    return this.transfers.filter(
      (each) => each.state !== "ended" && this.makes(each) && !open.some((pop) => pop.call === each.call),
    );
  }

  /** Transfers, made by him or to him, whose caller has hung up, until he has read it. */
  get left(): Transfer[] {
    const { open } = this;
    return this.transfers.filter(
      (each) => each.outcome === "caller_left" && !this.read.has(each.id) && !open.some((pop) => pop.call === each.call),
    );
  }

  /** The agent has read how this transfer ended. */
  dismiss(transfer: string): void {
    this.read.add(transfer);
    this.host.requestUpdate();
  }

  makes(transfer: Transfer): boolean {
    return transfer.transferer.agent === this.me?.agent;
  }

  /** Until when this switch is known: nobody knows what happened after it was lost. */
  until(node: string): number {
    return Math.min(this.now, this.unheard.find((link) => link.node === node)?.since ?? this.now);
  }

  hasRead(transfer: string): boolean {
    return this.read.has(transfer);
  }

  hears(node: string): boolean {
    return this.link.is === "up" && !this.unheard.some((link) => link.node === node);
  }

  /** Which transfers can be made of this call. */
  transfersOf(call: string): Transferring {
    const node = call.slice(0, Math.max(0, call.indexOf(":")));
    return this.desk?.links.find((link) => link.node === node)?.transfers ?? "all";
  }

  /** The switches of this agent that pbxd cannot hear. */
  get unheard(): SwitchLink[] {
    return this.desk?.links.filter((link) => !link.up) ?? [];
  }

  /** Whether nothing can be ordered: pbxd is not there, or hears none of this agent's switches. */
  get deaf(): boolean {
    const links = this.desk?.links ?? [];
    return this.link.is !== "up" || (links.length > 0 && links.every((each) => !each.up));
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
    this.transfers = [];
    this.missed = {};
    this.handovers = [];
    this.callbacks = [];
    this.orders.lose();
    if (why === "signed_out") this.me = null;
    this.host.requestUpdate();
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
    if (state.is !== "up") this.orders.lose();
    this.host.requestUpdate();
  }

  private takeSnapshot(body: Snapshot, now: number): void {
    this.skew = now - Date.now() / 1000;
    this.desk = { agent: body.agent, queues: body.queues, links: body.links };
    this.pops = body.pops;
    this.transfers = body.transfers ?? [];
    this.handovers = body.handovers ?? [];
    this.callbacks = body.callbacks ?? [];
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
      case "screenpop_answered": {
        const { id, at } = change.body;
        this.pops = this.pops.map((pop) => (pop.id === id ? { ...pop, answered: at } : pop));
        break;
      }
      case "screenpop_closed":
        this.pops = withClosed(this.pops, change.body.id, change.body.reason);
        this.callOver();
        break;
      case "transfer":
        this.transfers = withTransfer(this.transfers, change.body);
        break;
      case "transfer_event":
        this.missed = withEvent(this.missed, change.body.event, change.body.transfer);
        break;
      case "handover":
        this.handovers = withHandover(this.handovers, change.body);
        break;
      case "callbacks":
        this.callbacks = change.body.callbacks;
        break;
      case "handover_closed":
        this.handovers = this.handovers.filter((each) => each.id !== change.body.id);
        break;
      case "order":
        this.orders.answered(change.body);
        break;
    }
    this.tick();
  }

  // ------------------------------------------------------------ what the agent does

  /** Gives an order and tells what became of it. */
  give(order: string, fields: object = {}): Promise<Reply> {
    return this.orders.give((id) => ({ type: "order", id, order, ...fields }));
  }

  pause(paused: boolean): void {
    this.order = { paused };
    this.notify(null);
    void this.orders
      .give((id) => ({ type: "pause", order: id, paused }))
      .then((reply) => {
        this.order = null;
        this.tell(reply);
      });
  }

  ready(): void {
    this.endsWrapUp = true;
    this.notify(null);
    void this.give("wrap_up.end").then((reply) => {
      this.endsWrapUp = false;
      this.tell(reply);
    });
  }

  /** This caller was called back, or need not be any more. */
  calledBack(callback: string): void {
    void this.give("callback.done", { callback }).then((reply) => this.tell(reply));
  }

  /** Says what became of an order, unless it was done. */
  private tell(reply: Reply): void {
    if (reply.outcome === "done") return this.notify(this.notice);
    this.notify({ tone: reply.outcome === "unknown" ? "paused" : "bad", text: (words) => outcomeOf(reply, words) });
  }

  notify(notice: Notice | null): void {
    this.notice = notice;
    this.host.requestUpdate();
  }

  reconnect(): void {
    this.wire?.now();
  }
}
