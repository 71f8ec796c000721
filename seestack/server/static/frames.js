// The table of frames; only what is new is asked for.

import { ask } from "./api.js";

const MOST_ROWS = 500;
const fixed = (value, digits) => (value === null || value === undefined ? "–" : value.toFixed(digits));

export class Frames {
  constructor(body, changed) {
    this.body = body;
    this.changed = changed;
    this.session = null;
    this.rows = [];
    this.busy = false;
  }

  // Brings the table to the numbers of a status; asks once at a time.
  async update(status) {
    this.wanted = status;
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.wanted) {
        const next = this.wanted;
        this.wanted = null;
        await this.#fetch(next);
      }
    } catch (error) {
      console.warn(error.message);
    } finally {
      this.busy = false;
    }
  }

  async #fetch(status) {
    const restarted = status.session !== this.session || status.frames_total < this.rows.length;
    if (restarted || status.amended?.length) this.rows = [];
    this.session = status.session;
    while (this.rows.length < status.frames_total) {
      const { frames } = await ask(`frames?from=${this.rows.length}`);
      if (!frames.length) break;
      this.rows.push(...frames);
    }
    this.body.replaceChildren(...this.rows.slice(-MOST_ROWS).reverse().map(row));
    this.changed(this.rows);
  }
}

// What can be done about a frame that was left out.
export function remedy(hint) {
  const line = document.createElement("small");
  line.className = "hint";
  line.textContent = hint;
  return line;
}

function row(frame) {
  const line = document.createElement("tr");
  if (!frame.accepted) line.className = "rejected";
  const texts = [
    frame.index + 1,
    frame.reason,
    frame.accepted ? frame.offset.map((value) => fixed(value, 2)).join(", ") : "–",
    fixed(frame.rotation_deg, 3),
    `${frame.inliers} of ${frame.stars}`,
    fixed(frame.fwhm_px, 2),
  ];
  texts.forEach((text, n) => {
    const cell = document.createElement(n ? "td" : "th");
    if (!n) cell.scope = "row";
    cell.textContent = text;
    line.append(cell);
  });
  if (frame.hint) line.children[1].append(remedy(frame.hint));
  return line;
}
