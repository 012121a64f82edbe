// What pbxd tells a wallboard, and what is made of it. Pure: no sockets, no DOM.

import type { Member, Queue, SwitchLink } from "./desk";

export interface Alert {
  id: string;
  kind: "caller_waits" | "queue_unattended";
  node: string;
  queue: string;
  caller: { number: string; name: string } | null;
  /** Since when the caller has waited, by the switch's clock; since when nobody has been there. */
  since: number | null;
  began: number;
  waited_s: number;
  waiting: number | null;
  call_back: string | null;
}

export interface Figures {
  entries: number | null;
  answered: number | null;
  abandoned: number | null;
  service_level: number | null;
}

export type Today = Record<string, Figures> | null;

export interface Board {
  queues: Queue[];
  links: SwitchLink[];
  alerts: Alert[];
  today: Today;
}

export type BoardChange =
  | { kind: "queue"; body: Queue }
  | { kind: "link"; body: SwitchLink }
  | { kind: "alerts"; body: { alerts: Alert[] } }
  | { kind: "today"; body: { today: Today } };

export function withChange(board: Board, change: BoardChange): Board {
  switch (change.kind) {
    case "queue": {
      const same = (queue: Queue) => queue.node === change.body.node && queue.name === change.body.name;
      const known = board.queues.some(same);
      const queues = known ? board.queues.map((queue) => (same(queue) ? change.body : queue)) : [...board.queues, change.body];
      return { ...board, queues };
    }
    case "link":
      return { ...board, links: [...board.links.filter((link) => link.node !== change.body.node), change.body] };
    case "alerts":
      return { ...board, alerts: change.body.alerts };
    case "today":
      return { ...board, today: change.body.today };
  }
}

/** What a member counts as: a paused one is paused whatever his phone does, as in the figures. */
export function stateOf(member: Member): string {
  return member.paused ? "paused" : member.state;
}

export const STATES = ["ready", "ringing", "talking", "paused", "offline"];

export function byState(members: readonly Member[]): [string, Member[]][] {
  const known = STATES.map((state): [string, Member[]] => [state, members.filter((member) => stateOf(member) === state)]);
  return known.filter(([, all]) => all.length > 0);
}

/** Since when somebody has waited longest in any of these queues. */
export function longestSince(queues: readonly Queue[]): number | null {
  const all = queues.map((queue) => queue.longest_since).filter((since) => since !== null);
  return all.length > 0 ? Math.min(...all) : null;
}

/** An alert's queue stands first, then who waits longest. */
export function inOrder(board: Board): Queue[] {
  const loud = new Set(board.alerts.map((alert) => `${alert.node}/${alert.queue}`));
  const rank = (queue: Queue) => (loud.has(`${queue.node}/${queue.name}`) ? 0 : 1);
  return [...board.queues].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name) || (a.node ?? "").localeCompare(b.node ?? ""));
}

/** All queues together; the service level by the answers behind each. */
export function summed(today: Today, queues: readonly Queue[]): Figures | null {
  if (today === null) return null;
  const rows = [...new Set(queues.map((queue) => queue.name))].map((name) => today[name]).filter((row) => row !== undefined);
  const sum = (name: keyof Figures) => rows.reduce((all, row) => all + (row[name] ?? 0), 0);
  const answered = sum("answered");
  const within = rows.reduce((all, row) => all + (row.service_level ?? 0) * (row.answered ?? 0), 0);
  return { entries: sum("entries"), answered, abandoned: sum("abandoned"), service_level: answered > 0 ? within / answered : null };
}
