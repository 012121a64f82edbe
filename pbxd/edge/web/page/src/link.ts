// The WebSocket to pbxd: reconnects by itself, notices silence and gaps, and asks for a snapshot after them.

import type { Change, Snapshot } from "./desk";

export type LinkState = { is: "up" } | { is: "connecting" } | { is: "lost"; retryAt: number };

export interface LinkEvents<S = Snapshot, C = Change> {
  snapshot(body: S, now: number): void;
  change(change: C): void;
  state(state: LinkState): void;
  refused(text: string): void;
  /** pbxd does not want this page any more; only the person can change that. */
  ended(reason: "signed_out" | "crowded" | "nonsense"): void;
}

const SIGNED_OUT = 4401;
const CROWDED = 4429;
const NONSENSE = 4400;

/** So many of pbxd's heartbeats may be missing before the line counts as dead, whatever the browser believes. */
const HEARTBEATS = 2.5;
/** How often they come (ms) as long as pbxd has not said so. */
const HEARTBEAT = 10_000;
const FIRST_RETRY = 500;
const LAST_RETRY = 10_000;

type Said<S, C> =
  | { type: "snapshot"; seq: number; now: number; alive_every_s: number; body: S }
  | ({ type: "change"; seq: number } & C)
  | { type: "alive"; seq: number; now: number }
  | { type: "refused"; text: string };

export class Link<S = Snapshot, C = Change> {
  private socket: WebSocket | null = null;
  private seq = 0;
  private heartbeat = HEARTBEAT;
  private awaitsSnapshot = true;
  private retry = FIRST_RETRY;
  private retryTimer = 0;
  private silenceTimer = 0;
  private stopped = false;

  constructor(
    private readonly events: LinkEvents<S, C>,
    private readonly path = "/ws",
  ) {
    window.addEventListener("online", this.now);
  }

  open(): void {
    this.stopped = false;
    this.events.state({ is: "connecting" });
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${this.path}`);
    this.socket = socket;
    this.awaitsSnapshot = true;
    socket.onmessage = (message) => this.socket === socket && this.hear(String(message.data));
    socket.onclose = (close) => this.socket === socket && this.closed(close.code);
    this.listenForSilence();
  }

  stop(): void {
    this.stopped = true;
    window.removeEventListener("online", this.now);
    this.drop();
  }

  /** Try again at once instead of waiting. */
  readonly now = (): void => {
    if (this.stopped || this.socket !== null) return;
    window.clearTimeout(this.retryTimer);
    this.open();
  };

  /** False when the line is down: nothing was sent, and nothing will be sent later. */
  say(saying: object): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(saying));
    return true;
  }

  private hear(text: string): void {
    const said = JSON.parse(text) as Said<S, C>;
    this.listenForSilence();
    switch (said.type) {
      case "snapshot":
        this.seq = said.seq;
        this.heartbeat = said.alive_every_s * 1000;
        this.listenForSilence();
        this.awaitsSnapshot = false;
        this.retry = FIRST_RETRY;
        this.events.state({ is: "up" });
        this.events.snapshot(said.body, said.now);
        break;
      case "change":
        if (said.seq !== this.seq + 1) this.resume();
        this.seq = said.seq;
        this.events.change(said);
        break;
      case "alive":
        if (said.seq !== this.seq) this.resume();
        this.say({ type: "alive" });
        break;
      case "refused":
        this.events.refused(said.text);
        break;
    }
  }

  private resume(): void {
    if (this.awaitsSnapshot) return;
    this.awaitsSnapshot = true;
    this.say({ type: "resume" });
  }

  private closed(code: number): void {
    this.drop();
    if (code === SIGNED_OUT) return this.events.ended("signed_out");
    if (code === CROWDED) return this.events.ended("crowded");
    if (code === NONSENSE) return this.events.ended("nonsense");
    this.lost();
  }

  private lost(): void {
    // Spread out, so that a thousand pages do not come back in the same instant.
    const wait = this.retry * (0.5 + Math.random() / 2);
    this.retry = Math.min(this.retry * 2, LAST_RETRY);
    this.events.state({ is: "lost", retryAt: Date.now() + wait });
    this.retryTimer = window.setTimeout(() => void this.signedInStill(), wait);
  }

  /** A refused WebSocket does not tell why, so ask first whether the session still holds. */
  private async signedInStill(): Promise<void> {
    try {
      const answer = await fetch("/api/me", { signal: AbortSignal.timeout(5000) });
      if (this.stopped || this.socket !== null) return;
      if (answer.status === 401) return this.events.ended("signed_out");
      if (answer.ok) return this.open();
    } catch {
      // Not reachable: the same as a refused connection.
    }
    if (!this.stopped && this.socket === null) this.lost();
  }

  private listenForSilence(): void {
    window.clearTimeout(this.silenceTimer);
    this.silenceTimer = window.setTimeout(() => {
      this.drop();
      this.lost();
    }, this.heartbeat * HEARTBEATS);
  }

  private drop(): void {
    window.clearTimeout(this.retryTimer);
    window.clearTimeout(this.silenceTimer);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }
}
