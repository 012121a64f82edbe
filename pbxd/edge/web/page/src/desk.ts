// What pbxd tells this page, and how a change becomes part of what is shown. Pure: no sockets, no DOM.

export interface Agent {
  id: string;
  name: string;
  state: string;
  paused: boolean;
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
  closed?: string;
}

/** Whether pbxd hears a switch; while it does not, what is shown of that switch is of before. */
export interface SwitchLink {
  node: string;
  up: boolean;
  /** Null when it was never heard. */
  since: number | null;
  reason: string;
}

export interface State {
  agent: Agent;
  queues: Queue[];
  links: SwitchLink[];
}

export interface Snapshot extends State {
  pops: Pop[];
}

export interface Reply {
  id: string;
  outcome: "done" | "refused" | "unknown";
  text: string;
}

export type Change =
  | { kind: "state"; body: State }
  | { kind: "screenpop"; body: Pop }
  | { kind: "screenpop_closed"; body: { id: string; reason: string } }
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

function pruned(pops: Pop[]): Pop[] {
  let excess = pops.filter((pop) => pop.closed !== undefined).length - KEPT;
  return pops.filter((pop) => pop.closed === undefined || excess-- <= 0);
}
