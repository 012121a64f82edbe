// How the dialog "to whom?" looks.

import { css } from "lit";

export const pickerLook = css`
  dialog {
    width: min(44rem, calc(100vw - 1.5rem));
    max-height: min(52rem, calc(100dvh - 1.5rem));
    padding: 0;
    border: 1px solid var(--line);
    border-radius: 16px;
    background: var(--surface);
    color: var(--ink);
    box-shadow: 0 16px 60px rgb(0 0 0 / 35%);
  }
  dialog[open] {
    display: grid;
    grid-template-rows: auto auto minmax(6rem, 1fr) auto auto;
    grid-template-columns: minmax(0, 1fr);
  }
  dialog::backdrop {
    background: rgb(10 16 22 / 55%);
  }
  header {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 1rem;
    padding: 0.9rem 1.1rem 0.4rem;
  }
  h2 {
    font-size: 1.1875rem;
    line-height: 1.3;
    min-width: 0;
  }
  .search {
    padding: 0 1.1rem 0.7rem;
  }
  .list {
    overflow-y: auto;
    min-height: min(20rem, 35dvh);
    border-block: 1px solid var(--line);
    padding: 0.35rem 0.5rem;
    scrollbar-gutter: stable;
  }
  .list li + li {
    margin-top: 0.15rem;
  }
  .row {
    width: 100%;
    display: grid;
    grid-template-columns: 1.6rem minmax(0, 1fr) auto;
    gap: 0.1rem 0.6rem;
    align-items: center;
    justify-content: stretch;
    text-align: start;
    min-height: 3rem;
    padding: 0.45rem 0.6rem;
    border: 1px solid transparent;
    background: transparent;
    font-weight: 400;
  }
  .row[aria-pressed="true"] {
    border-color: var(--accent);
    background: var(--sunken);
  }
  .row:disabled {
    opacity: 1;
  }
  .row:disabled .name {
    color: var(--soft);
  }
  .name {
    font-weight: 600;
    min-width: 0;
  }
  .name small {
    margin-inline-start: 0.4rem;
    font-weight: 400;
    color: var(--soft);
  }
  .why {
    grid-column: 2 / -1;
    font-size: 0.875rem;
    color: var(--soft);
  }
  .skill {
    display: inline-block;
    margin-inline-end: 0.35rem;
    padding: 0 0.5em;
    border-radius: 6px;
    background: var(--sunken);
    font-size: 0.8125rem;
  }
  [aria-pressed="true"] .skill {
    background: var(--surface);
  }
  .turn {
    width: 1.5rem;
    height: 1.5rem;
    display: grid;
    place-content: center;
    border-radius: 50%;
    font-size: 0.8125rem;
    font-weight: 700;
    color: var(--soft);
  }
  [aria-pressed="true"] .turn {
    background: var(--accent);
    color: var(--on-accent);
  }
  .limits {
    flex: 1 1 100%;
    display: flex;
    gap: 0.5rem;
    align-items: center;
    font-size: 0.875rem;
  }
  .none {
    padding: 1.2rem 0.6rem;
    text-align: center;
  }
  .write {
    display: grid;
    grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
    gap: 0.6rem;
    padding: 0.7rem 1.1rem 0;
  }
  footer {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.5rem;
    padding: 0.8rem 1.1rem 1rem;
  }
  footer .chain {
    flex: 1 1 100%;
    font-size: 0.875rem;
    color: var(--soft);
  }
  footer .push {
    margin-inline-start: auto;
  }
  .trouble {
    flex: 1 1 100%;
    display: flex;
    gap: 0.5rem;
    align-items: center;
    color: var(--red);
    font-weight: 600;
  }
  @media (max-width: 40rem) {
    .write {
      grid-template-columns: minmax(0, 1fr);
    }
    footer button {
      flex: 1 1 40%;
    }
    footer .push {
      margin-inline-start: 0;
    }
  }
`;
