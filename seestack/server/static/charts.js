// Two small charts as SVG: how the signal grows, and where the frames lie.

const SPACE = "http://www.w3.org/2000/svg";
const WIDTH = 480;

function element(name, attributes, text) {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function drawing(label, width, height) {
  return element("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
}

const path = (points) => points.map(([x, y], n) => `${n ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

export function drawSnr(place, frames, wanted) {
  const accepted = frames.filter((frame) => frame.accepted);
  const last = accepted.at(-1);
  const [height, left, bottom] = [190, 34, 168];
  const most = Math.max(accepted.length, wanted ?? 0, 4);
  const top = Math.max(Math.sqrt(most), ...accepted.map((frame) => frame.snr_gain_measured ?? 0)) * 1.05;
  const x = (count) => left + (count / most) * (WIDTH - left - 12);
  const y = (gain) => bottom - (gain / top) * (bottom - 10);
  const label = last
    ? `SNR gain ${last.snr_gain.toFixed(2)} after ${accepted.length} frames, measured ${last.snr_gain_measured?.toFixed(2) ?? "unknown"}`
    : "SNR gain: no frame yet";
  const svg = drawing(label, WIDTH, height);
  svg.append(element("path", { class: "axis", d: `M${left} 10V${bottom}H${WIDTH - 12}` }));
  for (let gain = 1; gain <= top; gain += Math.max(1, Math.round(top / 5))) {
    svg.append(element("text", { x: left - 6, y: y(gain) + 4, "text-anchor": "end" }, gain));
  }
  svg.append(element("text", { x: WIDTH - 12, y: height - 6, "text-anchor": "end" }, `${most} frames`));
  const ideal = Array.from({ length: 61 }, (_, n) => [x((most * n) / 60), y(Math.sqrt((most * n) / 60))]);
  svg.append(element("path", { class: "curve", d: path(ideal) }));
  const points = accepted
    .map((frame, n) => [n + 1, frame.snr_gain_measured])
    .filter(([, gain]) => gain !== null && gain !== undefined)
    .map(([count, gain]) => [x(count), y(gain)]);
  svg.append(element("path", { class: "line", d: path(points) }));
  if (points.length) svg.append(element("circle", { cx: points.at(-1)[0], cy: points.at(-1)[1], r: 3 }));
  svg.append(element("text", { x: left + 8, y: 20 }, "measured — and √n, dashed"));
  place.replaceChildren(svg);
}

export function drawOffsets(place, frames) {
  const offsets = frames.filter((frame) => frame.accepted).map((frame) => frame.offset);
  const reach = Math.max(5, ...offsets.flat().map(Math.abs)) * 1.1;
  const size = 240;
  const at = (value) => size / 2 + (value / reach) * (size / 2 - 12);
  const farthest = offsets.length ? Math.max(...offsets.map(([dx, dy]) => Math.hypot(dx, dy))) : 0;
  const svg = drawing(`Offsets of ${offsets.length} frames, the farthest ${farthest.toFixed(1)} pixels`, size, size);
  svg.append(element("path", { class: "axis", d: `M12 ${size / 2}H${size - 12}M${size / 2} 12V${size - 12}` }));
  svg.append(element("text", { x: size - 12, y: size / 2 - 6, "text-anchor": "end" }, reach.toFixed(0)));
  svg.append(element("path", { class: "curve", d: path(offsets.map(([dx, dy]) => [at(dx), at(dy)])) }));
  for (const [dx, dy] of offsets) svg.append(element("circle", { cx: at(dx), cy: at(dy), r: 3 }));
  place.replaceChildren(svg);
}
