// What the parts of the page share: colours by name, and the shapes that come back everywhere.

import { css } from "lit";

export const look = css`
  :host {
    display: block;
    overflow-wrap: anywhere;
  }
  * {
    box-sizing: border-box;
  }
  h1,
  h2,
  h3,
  p,
  ol,
  ul,
  dl,
  dd {
    margin: 0;
    padding: 0;
  }
  ol,
  ul {
    list-style: none;
  }
  td bdi {
    display: -webkit-inline-box;
    -webkit-box-orient: vertical;
    -webkit-line-clamp: 2;
    overflow: hidden;
    overflow-wrap: break-word;
    vertical-align: top;
  }
  svg {
    display: block;
    flex: none;
  }
  .number,
  .time {
    font-variant-numeric: tabular-nums;
  }
  .group + .group {
    margin-inline-start: 0.3em;
  }
  .card {
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: 14px;
    box-shadow: var(--shadow);
  }
  .title {
    font-size: 0.8125rem;
    font-weight: 600;
    color: var(--soft);
  }
  .quiet {
    color: var(--soft);
  }
  .chip {
    display: inline-block;
    max-width: min(100%, 14rem);
    overflow: hidden;
    text-overflow: ellipsis;
    vertical-align: middle;
    padding: 0.15em 0.65em;
    border-radius: 99px;
    font-size: 0.8125rem;
    font-weight: 600;
    line-height: 1.5;
    white-space: nowrap;
    background: var(--tone-back, var(--sunken));
    color: var(--tone, var(--soft));
  }
  .chip::before {
    content: "";
    display: inline-block;
    width: 0.5em;
    height: 0.5em;
    margin-inline-end: 0.4em;
    border-radius: 50%;
    background: currentColor;
    vertical-align: 0.1em;
  }
  .chip.plain::before {
    content: none;
  }
  .ready {
    --tone: var(--green);
    --tone-back: var(--green-back);
  }
  .talking {
    --tone: var(--blue);
    --tone-back: var(--blue-back);
  }
  .ringing {
    --tone: var(--violet);
    --tone-back: var(--violet-back);
  }
  .paused {
    --tone: var(--amber);
    --tone-back: var(--amber-back);
  }
  .bad {
    --tone: var(--red);
    --tone-back: var(--red-back);
  }
  button {
    font: inherit;
    color: inherit;
    cursor: pointer;
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 0.45rem;
    min-height: 2.5rem;
    padding: 0 0.9rem;
    border-radius: 10px;
    border: 1px solid var(--line-strong);
    background: var(--surface);
    font-weight: 600;
    transition: background 0.12s;
  }
  button:hover:not(:disabled) {
    background: var(--sunken);
  }
  button:disabled {
    cursor: default;
    opacity: 0.55;
  }
  button.first {
    background: var(--accent);
    border-color: var(--accent);
    color: var(--on-accent);
  }
  button.first:hover:not(:disabled) {
    background: var(--accent-strong);
  }
  button.bare {
    border-color: transparent;
    background: transparent;
    color: var(--soft);
    padding: 0 0.6rem;
  }
  :focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
  table {
    width: 100%;
    border-collapse: collapse;
    font-size: 0.9375rem;
  }
  th {
    text-align: start;
    font-size: 0.8125rem;
    font-weight: 600;
    color: var(--soft);
    padding: 0.25rem 0.75rem 0.4rem 0;
    white-space: nowrap;
  }
  td {
    padding: 0.5rem 0.75rem 0.5rem 0;
    border-top: 1px solid var(--line);
    vertical-align: top;
  }
  th:last-child,
  td:last-child {
    padding-inline-end: 0;
  }
  td.time,
  th.end,
  td.end {
    white-space: nowrap;
  }
  .end {
    text-align: end;
  }
  .hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .ended {
    display: flex;
    flex-wrap: wrap;
    gap: 0.3rem 0.9rem;
    align-items: center;
    padding: 0.6rem 0.9rem;
    border-radius: 10px;
    background: var(--tone-back, var(--sunken));
    color: var(--tone, var(--ink));
    font-weight: 600;
  }
  .ended small {
    font-weight: 400;
  }
  .ended button {
    margin-inline-start: auto;
    min-height: 2rem;
    border-color: transparent;
    background: transparent;
    padding: 0 0.4rem;
  }
  @media (max-width: 40rem) {
    /* A row becomes two lines: when and outcome, then the rest. */
    thead {
      display: none;
    }
    tr {
      display: flex;
      flex-wrap: wrap;
      gap: 0.1rem 0.9rem;
      padding: 0.6rem 0;
      border-top: 1px solid var(--line);
    }
    tr:first-child {
      border-top: 0;
    }
    td {
      order: 3;
      padding: 0;
      border: 0;
      color: var(--soft);
    }
    td.time:first-child {
      order: 0;
      color: inherit;
    }
    td.outcome {
      order: 1;
      margin-inline-start: auto;
    }
    td.who {
      flex-basis: 100%;
      color: inherit;
    }
    tr::before {
      content: "";
      order: 2;
      flex-basis: 100%;
    }
    td.none {
      display: none;
    }
  }
  @media (prefers-reduced-motion: reduce) {
    * {
      animation: none !important;
      transition: none !important;
    }
  }
`;
