// What pbxd tells this page, and how a change becomes part of what is shown. Pure: no sockets, no DOM.

export interface Agent {
  id: string;
  name: string;
  state: string;
  paused: boolean;
  /** While he writes up the last call; `until` null: he is still on the phone, the clock has not begun. */
  wrap_up?: { since: number; until: number | null } | null;
}

export interface Waiting {
  call: string;
  number: string;
  since: number;
}

export interface Member {
  interface: string;
  name: string;
  state: string;
  paused: boolean;
  paused_reason?: string;
}

export interface Queue {
  node?: string;
  name: string;
  waiting: number;
  longest_since: number | null;
  callers: Waiting[];
  members: Member[];
}

export interface PathStep {
  at: number;
  step: string;
  kind: string;
  label: string;
  digits: string;
  result: string;
}

export interface PastContact {
  call: string;
  arrived: number;
  ended: number;
  queue: string | null;
  subject: string | null;
  agent: string | null;
  outcome: string;
  talk_s: number;
}

export interface Repeat {
  flag: boolean;
  count: number;
  window_s: number;
  same_subject: boolean | null;
  last_outcome: string | null;
  text: string;
}

export interface Pop {
  id: string;
  call: string;
  node: string;
  at: number;
  caller: {
    number: string;
    dialled_as: string;
    name: string | null;
    place: string | null;
    country: string | null;
    carrier: string | null;
  };
  dialled: string;
  queue: string | null;
  waited_s: number;
  flow: string | null;
  path: PathStep[];
  subject: string | null;
  repeat: Repeat | null;
  history: { state: "found" | "missing" | "pending"; why: string; contacts: PastContact[] };
  acknowledged?: boolean;
  /** When his phone was answered. */
  answered?: number;
  closed?: string;
}

export type Verb = "cancel" | "swap" | "merge" | "leave" | "complete" | "requeue";
export type TargetKind = "agent" | "skill" | "queue" | "outside" | "voicemail";

export interface Transfer {
  id: string;
  call: string;
  node: string;
  state: "created" | "ringing" | "talking" | "swapped" | "merged" | "completing" | "returning" | "recalling" | "ended";
  mode: "attended" | "blind" | null;
  kind: string;
  transferer: { agent: string | null; name: string };
  target: { kind: TargetKind | null; id: string; name: string; agent: string | null };
  caller: { number: string; name: string | null };
  queue: string | null;
  attempt: number;
  fallbacks_left: number;
  can: Verb[];
  reason: string;
  note: string;
  disposition: string;
  outcome: string | null;
  why: string | null;
  times: { created: number; ringing: number | null; answered: number | null; ended: number | null };
}

export interface Earlier {
  transfer: string;
  at: number;
  from: { agent: string | null; name: string };
  to: { kind: TargetKind | null; id: string; name: string };
  outcome: string | null;
  reason: string;
  note: string;
}

export interface Handover {
  id: string;
  transfer: string;
  call: string;
  node: string;
  at: number;
  from: { agent: string | null; name: string };
  reason: string;
  note: string;
  disposition: string;
  caller: Pop["caller"] & { tags: string[] };
  dialled: string;
  queue: string | null;
  flow: string | null;
  subject: string | null;
  path: PathStep[];
  repeat: Repeat | null;
  history: Pop["history"];
  waits: { queue: string; waited_s: number; outcome: string | null }[];
  agents: { agent: string | null; name: string; queue: string | null; started: number; talk_s: number; hold_s: number }[];
  transfers: Earlier[];
  repeated: { at: number; agent: string; name: string }[];
}

/** Somebody to whom a call can be handed over, or why not. */
export interface TargetRow {
  kind: TargetKind;
  id: string;
  name: string;
  state: string | null;
  free: number | null;
  skill: number | null;
  skills?: Record<string, number>;
  expected_wait_s: number | null;
  allowed: boolean;
  why: string | null;
  code?: string | null;
}

/** Whether pbxd hears a switch; while it does not, what is shown of that switch is of before. */
export interface SwitchLink {
  node: string;
  up: boolean;
  /** Null when it was never heard. */
  since: number | null;
  reason: string;
  /** Which transfers can be made on it: without pbxd's dialplan blind ones at most. */
  transfers?: Transferring;
}

export type Transferring = "all" | "blind" | "none";

export interface State {
  agent: Agent;
  queues: Queue[];
  links: SwitchLink[];
}

export interface Snapshot extends State {
  pops: Pop[];
  transfers?: Transfer[];
  handovers?: Handover[];
  callbacks?: Callback[];
}

/** A caller who wants to be called back. */
export interface Callback {
  id: string;
  at: number;
  caller: { number: string; name: string };
  queue: string | null;
  reason: string;
}

export interface Reply {
  id: string;
  /** lost: it was never sent, because the line to pbxd is down. */
  outcome: "done" | "refused" | "unknown" | "lost";
  code?: string;
  text: string;
}

export type Change =
  | { kind: "state"; body: State }
  | { kind: "screenpop"; body: Pop }
  | { kind: "screenpop_answered"; body: { id: string; at: number } }
  | { kind: "screenpop_closed"; body: { id: string; reason: string } }
  | { kind: "transfer"; body: Transfer }
  | { kind: "transfer_event"; body: { event: string; transfer: Transfer } }
  | { kind: "handover"; body: Handover }
  | { kind: "callbacks"; body: { callbacks: Callback[] } }
  | { kind: "handover_closed"; body: { id: string; reason: string } }
  | { kind: "order"; body: Reply };

/** Calls that are over and still shown. */
const KEPT = 12;

/** The pops after one more was told: the newest last, each id once, not too many that are over. */
export function withPop(pops: readonly Pop[], pop: Pop): Pop[] {
  const known = pops.some((old) => old.id === pop.id);
  return known ? pops.map((old) => (old.id === pop.id ? pop : old)) : pruned([...pops, pop]);
}

export function withClosed(pops: readonly Pop[], id: string, reason: string): Pop[] {
  return pruned(pops.map((pop) => (pop.id === id ? { ...pop, closed: reason } : pop)));
}

/** Transfers that are over and still told, so that somebody can read why. */
const TOLD = 8;

export function withTransfer(transfers: readonly Transfer[], transfer: Transfer): Transfer[] {
  const known = transfers.some((old) => old.id === transfer.id);
  const all = known ? transfers.map((old) => (old.id === transfer.id ? transfer : old)) : [...transfers, transfer];
  let excess = all.filter((each) => each.state === "ended").length - TOLD;
  return all.filter((each) => each.state !== "ended" || excess-- <= 0);
}

/** Why the last of those who were tried before cannot be had, by transfer. */
export type Missed = Readonly<Record<string, string>>;

export function withEvent(missed: Missed, event: string, transfer: Transfer): Missed {
  const { [transfer.id]: before, ...others } = missed;
  if (event === "declined" || event === "timeout") return { ...others, [transfer.id]: transfer.why ?? "" };
  return before === undefined || event === "answered" || event === "ended" ? others : missed;
}

export function withHandover(handovers: readonly Handover[], handover: Handover): Handover[] {
  return [...handovers.filter((old) => old.id !== handover.id), handover];
}

/** What is known of the caller before his call rings here: the card that the screen pop will fill. */
export function popOf(handover: Handover): Pop {
  const { call, node, at, caller, dialled, queue, flow, path, subject, repeat, history } = handover;
  const waited_s = waitedIn(handover);
  return { id: `handover ${handover.id}`, call, node, at, caller, dialled, queue, waited_s, flow, path, subject, repeat, history };
}

/** How long the caller has waited in queues, all in all (seconds). */
export function waitedIn(handover: Handover): number {
  return handover.waits.reduce((sum, wait) => sum + wait.waited_s, 0);
}

function pruned(pops: Pop[]): Pop[] {
  let excess = pops.filter((pop) => pop.closed !== undefined).length - KEPT;
  return pops.filter((pop) => pop.closed === undefined || excess-- <= 0);
}
