// How the wallboard is laid out: to be read from across the room.

import { css } from "lit";

export const boardLook = css`
  .door {
    min-height: 100vh;
    display: grid;
    place-content: center;
    justify-items: center;
    gap: 1.5rem;
    padding: 1rem;
    text-align: center;
  }
  .mark {
    display: inline-grid;
    place-items: center;
    width: 2.25rem;
    height: 2.25rem;
    border-radius: 10px;
    background: var(--accent);
    color: var(--on-accent);
    font-weight: 800;
    font-size: 1.25rem;
  }
  .bar,
  .banner,
  .alerts,
  .totals,
  .none,
  main {
    margin: 0 auto;
    padding-inline: clamp(0.75rem, 2vw, 2rem);
  }
  .bar {
    display: flex;
    align-items: center;
    gap: 0.9rem;
    padding-block: 0.9rem;
  }
  h1 {
    font-size: 1.375rem;
  }
  .push {
    margin-inline-start: auto;
  }
  .clock {
    font-size: 1.5rem;
    font-weight: 700;
  }
  .languages {
    display: inline-flex;
  }
  .languages button {
    border-radius: 0;
    min-height: 2.25rem;
    padding: 0 0.7rem;
    font-size: 0.875rem;
  }
  .languages button:first-child {
    border-start-start-radius: 10px;
    border-end-start-radius: 10px;
  }
  .languages button:last-child {
    border-start-end-radius: 10px;
    border-end-end-radius: 10px;
    border-inline-start: 0;
  }
  .languages button[aria-pressed="true"] {
    background: var(--sunken);
    font-weight: 700;
  }
  .banner {
    display: flex;
    align-items: center;
    gap: 0.75rem;
    padding-block: 0.6rem;
    background: var(--tone-back);
    color: var(--tone);
    font-weight: 600;
  }
  .alerts {
    display: grid;
    gap: 0.6rem;
    padding-block: 0.25rem 0.5rem;
  }
  .alert {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.35rem 0.9rem;
    padding: 0.8rem 1.2rem;
    border-radius: 14px;
    background: #b3261e;
    color: #ffffff;
    font-size: clamp(1.125rem, 1.6vw, 1.5rem);
  }
  .alert > svg {
    width: 1.4em;
    height: 1.4em;
  }
  .alert .lasted {
    font-size: 1.35em;
  }
  .alert a {
    display: inline-flex;
    align-items: center;
    gap: 0.45rem;
    padding: 0.4rem 1rem;
    border-radius: 10px;
    background: #ffffff;
    color: #8c1d18;
    font-weight: 700;
    font-size: 1.125rem;
    text-decoration: none;
  }
  .alert a:focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
  .totals {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr));
    gap: 0.75rem;
    padding-block: 0.5rem;
  }
  .totals > div {
    padding: 0.7rem 1rem;
    border-radius: 14px;
    background: var(--sunken);
  }
  dt {
    font-size: 0.875rem;
    color: var(--soft);
    white-space: nowrap;
  }
  .totals dd {
    font-size: clamp(1.75rem, 3vw, 2.75rem);
    font-weight: 700;
    line-height: 1.15;
    white-space: nowrap;
  }
  main {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(min(21rem, 100%), 1fr));
    gap: 1rem;
    padding-block: 0.75rem 2rem;
  }
  .queue.card {
    padding: 1rem 1.2rem;
    display: flex;
    flex-direction: column;
    gap: 0.6rem;
  }
  .card.alarm {
    border: 3px solid var(--red);
  }
  .of-before {
    opacity: 0.55;
    filter: saturate(0.4);
  }
  .card header {
    display: flex;
    justify-content: space-between;
    align-items: baseline;
    gap: 0.75rem;
  }
  h2 {
    font-size: 1.25rem;
    min-width: 0;
  }
  .figures {
    display: flex;
    align-items: baseline;
    gap: 0.5rem;
  }
  .count {
    font-size: 3.25rem;
    font-weight: 700;
    line-height: 1;
    color: var(--soft);
  }
  .count.loud,
  .loud dd {
    color: var(--ink);
  }
  .figures b {
    font-size: 1.75rem;
  }
  .late b,
  .late dd {
    color: var(--amber);
  }
  .very.late b,
  .very.late dd {
    color: var(--red);
  }
  .members {
    display: grid;
    gap: 0.3rem;
  }
  .members li {
    display: flex;
    align-items: center;
    gap: 0.5rem;
    min-width: 0;
  }
  .members b {
    min-width: 1.5em;
    text-align: end;
    font-size: 1.125rem;
  }
  .members .chip {
    flex: none;
  }
  .names {
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
    font-size: 0.9375rem;
  }
  .bad-text {
    color: var(--red);
    font-weight: 600;
  }
  .today {
    display: flex;
    justify-content: space-between;
    gap: 1rem;
    margin-top: auto;
    padding-top: 0.6rem;
    border-top: 1px solid var(--line);
  }
  .today dd {
    font-size: 1.25rem;
    font-weight: 700;
  }
  .stale main,
  .stale .totals,
  .stale .alerts {
    opacity: 0.5;
  }
`;
