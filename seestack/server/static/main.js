// Wires the page to the API: numbers by events, the picture when its number changes.

import { ask, follow } from "./api.js";
import { drawOffsets, drawSnr } from "./charts.js";
import { Frames, remedy } from "./frames.js";
import { buildSettings, searchCameras } from "./settings.js";

const at = (id) => document.getElementById(id);
let status = null;
let shown = "";

const frames = new Frames(at("rows"), (rows) => {
  drawSnr(at("snr"), rows, status.frames_wanted);
  drawOffsets(at("offsets"), rows);
});

function show(next) {
  status = next;
  const running = next.state === "running";
  at("state").textContent = next.state;
  at("state").className = `state ${next.state}`;
  at("start").disabled = running;
  at("stop").disabled = !running;
  at("reset").disabled = !next.frames_total;
  at("message").textContent = next.error?.message ?? "";
  at("detail").textContent = next.error ? "" : next.detail;
  if (running && !next.error && next.hint) at("detail").append(remedy(next.hint));
  showProgress(next);
  showNumbers(next);
  showPreview(next);
  frames.update(next);
}

function showProgress({ frames_stacked: stacked, frames_wanted: wanted, left_s: left }) {
  const time = left ? `, about ${duration(left)} left` : "";
  at("progress-text").textContent = wanted === null ? `${stacked} frames` : `${stacked} of ${wanted} frames${time}`;
  if (wanted !== null) at("progress").max = wanted;
  at("progress").value = stacked;
}

function showNumbers(next) {
  const known = (value, digits, unit) => (value === null ? "–" : `${value.toFixed(digits)} ${unit}`);
  const numbers = {
    "SNR gain": known(next.snr_gain, 2, ""),
    Measured: known(next.snr_gain_measured, 2, ""),
    Rejected: next.frames_rejected,
    Offset: next.offset.map((value) => value.toFixed(1)).join(", ") + " px",
    FWHM: known(next.fwhm_px, 2, "px"),
    Sky: known(next.sky_adu, 0, "ADU"),
    Elapsed: duration(next.elapsed_s),
  };
  at("numbers").replaceChildren(...Object.entries(numbers).map(([name, value]) => {
    const pair = document.createElement("div");
    const [term, text] = [document.createElement("dt"), document.createElement("dd")];
    [term.textContent, text.textContent] = [name, value];
    pair.append(term, text);
    return pair;
  }));
}

async function showPreview({ session, preview_number: number, frames_stacked: stacked }) {
  const image = at("preview");
  const wanted = stacked && number ? `${session}-${number}` : "";
  if (wanted === shown) return;
  shown = wanted;
  if (!wanted) {
    [image.hidden, at("no-preview").hidden] = [true, false];
    return;
  }
  const next = new Image();
  next.src = `api/preview.png?of=${wanted}`;
  try {
    await next.decode();
  } catch {
    if (shown === wanted) shown = "";
    return;
  }
  if (shown !== wanted) return;
  image.src = next.src;
  image.alt = `The stack of ${stacked} frames`;
  [image.hidden, at("no-preview").hidden] = [false, true];
}

function duration(seconds) {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

async function press(action) {
  try {
    show(await ask(`stack/${action}`, { method: "POST" }));
  } catch (error) {
    at("message").textContent = error.message;
  }
}

function setNight(on) {
  document.documentElement.classList.toggle("night", on);
  at("night").setAttribute("aria-pressed", on);
  localStorage.setItem("seestack-night", on ? "1" : "");
}

for (const action of ["start", "stop", "reset"]) at(action).onclick = () => press(action);
at("night").onclick = () => setNight(!document.documentElement.classList.contains("night"));
at("search").onclick = () => searchCameras(at("cameras"), at("form"));
setNight(Boolean(localStorage.getItem("seestack-night")));
follow(show, () => {
  at("state").textContent = "offline";
  at("state").className = "state offline";
});
buildSettings(at("form"), at("form-message")).catch((error) => {
  at("form-message").textContent = error.message;
});
