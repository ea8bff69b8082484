"use strict";

// Swipe between two pictures of a scene; the range input brings keyboard, mouse and touch support.
for (const viewer of document.querySelectorAll(".viewer")) {
  const stage = viewer.querySelector(".stage");
  const swipe = viewer.querySelector(".swipe");
  if (!swipe) continue;
  const layers = [...viewer.querySelectorAll(".layer")];
  const picks = [...viewer.querySelectorAll("select[data-side]")];
  const buttons = [...viewer.querySelectorAll("button[data-mode]")];

  const place = () => stage.style.setProperty("--split", `${swipe.value}%`);
  const choose = () => {
    for (const layer of layers) layer.classList.remove("left", "right");
    for (const pick of picks) {
      const layer = layers.find((other) => other.dataset.layer === pick.value);
      if (!layer.classList.contains("left")) layer.classList.add(pick.dataset.side); // the same layer on both sides is displayed whole
    }
  };
  const show = (mode) => {
    viewer.classList.toggle("swiping", mode === "swipe");
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    for (const pick of picks) pick.disabled = mode !== "swipe";
  };

  swipe.addEventListener("input", place);
  for (const pick of picks) pick.addEventListener("change", choose);
  for (const button of buttons) button.addEventListener("click", () => show(button.dataset.mode));
  window.addEventListener("beforeprint", () => { viewer.dataset.was = viewer.classList.contains("swiping") ? "swipe" : "beside"; show("beside"); });
  window.addEventListener("afterprint", () => show(viewer.dataset.was));
  place();
  choose();
  show("swipe");
}

// Sort a table by a column: numbers by data-value, else text; a second press reverses the order.
for (const table of document.querySelectorAll("table.sortable")) {
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    header.replaceChildren(button);
    const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
    button.addEventListener("click", () => {
      const numeric = header.matches(".n, .figure");
      const first = numeric ? "descending" : "ascending";
      const other = numeric ? "ascending" : "descending";
      const order = header.getAttribute("aria-sort") === first ? other : first;
      for (const h of headers) h.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const number = (row) => { const v = Number(key(row)); return Number.isNaN(v) ? -Infinity : v; };
      const compare = numeric ? (a, b) => number(a) - number(b) || 0 : (a, b) => key(a).localeCompare(key(b));
      const body = [...table.tBodies].at(-1); // a pinned row above is a body of its own
      body.append(...[...body.rows].sort((a, b) => sign * compare(a, b)));
    });
  });
}

window.addEventListener("beforeprint", () => { for (const d of document.querySelectorAll("details")) d.open = true; });
document.documentElement.classList.add("ready");
document.documentElement.dataset.viewers = String(document.querySelectorAll(".viewer.swiping").length);
