/** The script of a report: values under the pointer or by arrow keys, and the slider of samples. The report reads without it. */

/** JavaScript without dependencies; it reads `data-` attributes and writes text alone. */
export const PAGE_SCRIPT = `
"use strict";
const short = (v) => Math.abs(v) >= 1e4 || (v !== 0 && Math.abs(v) < 1e-3)
  ? v.toExponential(2) : String(Number(v.toPrecision(4)));
for (const figure of document.querySelectorAll("[data-curve]")) {
  const { x: label, series } = JSON.parse(figure.dataset.curve);
  const svg = figure.querySelector("svg"), line = figure.querySelector(".cursor");
  const output = figure.querySelector("output"), before = output.textContent;
  const places = [...new Set(series.flatMap((s) => s.points.map((p) => p[0])))].sort((a, b) => a - b);
  let at = places.length - 1;
  const nearest = (points, x) => points.reduce((a, b) => Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a);
  const show = (index) => {
    at = Math.max(0, Math.min(places.length - 1, index));
    const x = places[at];
    const found = series.filter((s) => s.points.length > 0).map((s) => [s.name, nearest(s.points, x)]);
    const place = found.find(([, p]) => p[0] === x)[1][2];
    line.setAttribute("x1", place);
    line.setAttribute("x2", place);
    line.classList.add("on");
    output.textContent = label + " " + short(x) + ": " +
      found.map(([name, p]) => (series.length > 1 ? name + " " : "") + short(p[1])).join(", ");
  };
  const hide = () => { line.classList.remove("on"); output.textContent = before; };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    let best = Infinity, value = 0;
    for (const s of series) for (const p of s.points) {
      if (Math.abs(p[2] - x) < best) { best = Math.abs(p[2] - x); value = p[0]; }
    }
    show(places.indexOf(value));
  });
  svg.addEventListener("pointerleave", hide);
  figure.addEventListener("blur", hide);
  figure.addEventListener("focus", () => { if (figure.matches(":focus-visible")) show(at); });
  output.setAttribute("aria-live", "polite");
  figure.addEventListener("keydown", (event) => {
    const step = Math.max(1, Math.round(places.length / 50)) * (event.shiftKey ? 5 : 1);
    const to = { ArrowLeft: at - step, ArrowRight: at + step, Home: 0, End: places.length - 1 }[event.key];
    if (event.key === "Escape") hide();
    if (to === undefined) return;
    event.preventDefault();
    show(to);
  });
}
for (const browser of document.querySelectorAll(".samples")) {
  const input = browser.querySelector("input"), output = browser.querySelector("output");
  const steps = input.dataset.steps.split(" ");
  const show = () => {
    output.textContent = steps[input.value];
    input.setAttribute("aria-valuetext", "step " + steps[input.value]);
    for (const step of browser.querySelectorAll(".step")) step.hidden = step.dataset.step !== steps[input.value];
  };
  for (const button of browser.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      input.value = steps.indexOf(button.dataset.step);
      show();
      for (const thought of browser.querySelectorAll(".step:not([hidden]) .has-marks")) thought.open = true;
    });
  }
  input.addEventListener("input", show);
  browser.classList.add("on");
  show();
}
`;
