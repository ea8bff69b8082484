
const trial = JSON.parse(document.getElementById("trial-data").textContent);

// Save a table: its text is embedded in the page.
for (const button of document.querySelectorAll("[data-export]")) {
  button.addEventListener("click", () => {
    const file = trial.exports[button.dataset.export][button.dataset.kind];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([file.text], { type: `${file.type};charset=utf-8` }));
    link.download = file.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

// Replace the confusion matrix by the chosen one: a value's mean or a single replicate.
for (const box of document.querySelectorAll("[data-confusion]")) {
  const matrices = trial.confusions[box.dataset.confusion];
  const pick = box.querySelector("[data-matrix]");
  const table = box.querySelector("table");
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  pick.addEventListener("change", () => {
    const { title, cells, mean } = matrices[Number(pick.value)];
    const digits = { minimumFractionDigits: mean ? 1 : 0, maximumFractionDigits: mean ? 1 : 0 };
    const shown = (n) => n.toLocaleString("en", digits);
    const totals = cells.map(sum);
    cells.forEach((line, i) => {
      const row = table.tBodies[0].rows[i].cells;
      line.forEach((n, j) => {
        const cell = row[j + 1];
        const strength = Math.sqrt(n / Math.max(totals[i], 1));
        cell.textContent = n ? shown(n) : "·";
        cell.className = `${i === j ? "agrees" : "differs"}${strength > 0.72 ? " strong" : ""}${n ? "" : " zero"}`;
        cell.style.setProperty("--s", strength.toFixed(3));
      });
      row[line.length + 1].textContent = shown(totals[i]);
    });
    const foot = table.tFoot.rows[0].cells;
    totals.forEach((_, j) => { foot[j + 1].textContent = shown(sum(cells.map((line) => line[j]))); });
    foot[totals.length + 1].textContent = shown(sum(totals));
    box.querySelector("[data-matrix-title]").textContent = title;
  });
}

// Class pictures are palette PNGs: replacing the palette in the file changes all colours without loss.
const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});
const crc = (bytes) => { let c = 0xffffffff; for (const b of bytes) c = crcTable[(c ^ b) & 255] ^ (c >>> 8); return (c ^ 0xffffffff) >>> 0; };
const recoloured = (uri, colours) => {
  const bytes = Uint8Array.from(atob(uri.slice(uri.indexOf(",") + 1)), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  let at = 8;
  while (view.getUint32(at + 4) !== 0x504c5445) at += 12 + view.getUint32(at); // PLTE
  const length = view.getUint32(at);
  colours.forEach((rgb, i) => { if (3 * i + 3 <= length) bytes.set(rgb, at + 8 + 3 * i); });
  view.setUint32(at + 8 + length, crc(bytes.subarray(at + 4, at + 8 + length)));
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return `data:image/png;base64,${btoa(text)}`;
};

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const faded = (hex) => rgb(hex).map((v) => Math.round(236 + (0.3 * v + 0.7 * 128 - 128) * 0.12));
const strong = (hex) => { const c = rgb(hex); return Math.min(...c) > 180 ? c.map((v) => Math.round(0.6 * v)) : c; }; // pale classes are darkened when highlighted
const pictures = [...document.querySelectorAll(".viewer[data-classes] img.classes")].map((image) => (
  { image, uri: image.src, mapped: image.closest(".mapped"), classes: image.closest(".viewer").dataset.classes.split(" ").map(Number) }
));
const alone = new Map(); // scene → highlighted class
const paint = () => {
  const safe = document.documentElement.dataset.palette === "safe";
  for (const { image, uri, mapped, classes } of pictures) {
    const chosen = alone.get(mapped);
    if (!safe && chosen === undefined) { image.src = uri; continue; }
    image.src = recoloured(uri, classes.map((k) => {
      const colour = trial.classes[k][safe ? "safe" : "own"];
      return chosen === undefined ? rgb(colour) : chosen === k ? strong(colour) : faded(colour);
    }));
  }
};

const palettes = [...document.querySelectorAll("button[data-palette]")];
for (const button of palettes) {
  button.addEventListener("click", () => {
    document.documentElement.dataset.palette = button.dataset.palette;
    for (const other of palettes) other.setAttribute("aria-pressed", String(other === button));
    paint();
  });
}
for (const button of document.querySelectorAll(".key button")) {
  const mapped = button.closest(".mapped");
  button.addEventListener("click", () => {
    const chosen = Number(button.dataset.class);
    if (alone.get(mapped) === chosen) alone.delete(mapped); else alone.set(mapped, chosen);
    for (const other of mapped.querySelectorAll(".key button")) {
      other.setAttribute("aria-pressed", String(alone.get(mapped) === Number(other.dataset.class)));
    }
    paint();
  });
}
