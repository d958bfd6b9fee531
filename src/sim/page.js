for (const figure of document.querySelectorAll("figure")) {
  const [svg, tip] = [figure.querySelector("svg"), figure.querySelector(".tip")];
  const cursor = svg.querySelector(".cursor");
  const { end, left, right, width } = figure.dataset;
  const column = (name) => figure.dataset[name].split(" ");
  const names = ["load", "desired", "running", "late", "backlog"];
  const columns = Object.fromEntries(names.map((name) => [name, column(name)]));
  const two = (n) => String(n).padStart(2, "0");
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    const share = (x - left) / (right - left);
    const at = Math.floor(share * columns.load.length);
    const inside = 0 <= share && at < columns.load.length;
    tip.hidden = !inside;
    cursor.setAttribute("visibility", inside ? "visible" : "hidden");
    if (!inside) return;
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    const minute = Math.floor((share * end) / 60);
    const value = (name) => columns[name][at];
    tip.textContent =
      `${two(Math.floor(minute / 60))}:${two(minute % 60)}\nload ${value("load")}/s\n` +
      `desired ${value("desired")}, running ${value("running")}\nlate ${value("late")} %, waiting ${value("backlog")}`;
    const px = event.clientX - box.left;
    tip.style.left = px < box.width / 2 ? `${px + 14}px` : "";
    tip.style.right = px < box.width / 2 ? "" : `${box.width - px + 14}px`;
  });
  svg.addEventListener("pointerleave", () => {
    tip.hidden = true;
    cursor.setAttribute("visibility", "hidden");
  });
}
