// The words of the wallboard, beside those that it shares with the agents' page.

import type { Language } from "./words";

const en = {
  title: "Wallboard",
  alerts: "Alerts",
  callerWaits: "a caller has waited",
  unattended: (waiting: number): string => `nobody is there, ${waiting} waiting, for`,
  callBack: "Call back",
  waiting: "Waiting",
  waitingHere: "waiting",
  longest: "longest",
  longestOfAll: "Longest wait",
  there: "Available",
  calls: "Calls today",
  abandoned: "Gave up",
  level: "Service level",
  nobody: "This queue has no members.",
  noQueues: "There are no queues to show.",
  noRight: (name: string): string => `${name}, the wallboard is for supervisors. Ask for it: the setting is agents[].supervises.`,
};

export type BoardWords = typeof en;

const zh: BoardWords = {
  title: "看板",
  alerts: "告警",
  callerWaits: "来电者已等待",
  unattended: (waiting) => `无人值守，${waiting} 人等待，已持续`,
  callBack: "回拨",
  waiting: "等待中",
  waitingHere: "人等待",
  longest: "最长",
  longestOfAll: "最长等待",
  there: "在岗",
  calls: "今日来电",
  abandoned: "已放弃",
  level: "服务水平",
  nobody: "此队列没有成员。",
  noQueues: "没有可显示的队列。",
  noRight: (name) => `${name}，看板仅供主管使用。请联系管理员设置 agents[].supervises。`,
};

export const BOARD_WORDS: Record<Language, BoardWords> = { en, zh };
