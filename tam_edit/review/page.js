"use strict";
// Copies commands, and writes clicks on the large pictures into them. Without it all commands are
// there, with X,Y to be filled in by hand.
document.documentElement.classList.add("has-script");

function say(text) {
  document.getElementById("said").textContent = text;
}

for (const button of document.querySelectorAll("button.copy")) {
  button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      // Not every browser lets a page that was opened from a file use the clipboard.
      const range = document.createRange();
      range.selectNodeContents(code);
      const selection = window.getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      if (!document.execCommand("copy")) {
        say("The command is selected; copy it with your keyboard.");
        return;
      }
    }
    say("Copied.");
  });
}

for (const section of document.querySelectorAll("section.span")) {
  const target = section.querySelector(".target");
  const prompts = section.querySelector(".prompts");
  if (!target || !prompts) continue;
  const { width, height, frame } = target.dataset;
  const empty = prompts.innerHTML;
  const clicks = [];
  let here = null;

  const draw = () => {
    for (const mark of target.querySelectorAll(".mark")) mark.remove();
    const marks = clicks.map(({ x, y, kind }) => ({ x, y, look: kind === "--click" ? "on" : "off" }));
    if (here && document.activeElement === target) marks.push({ ...here, look: "here" });
    for (const { x, y, look } of marks) {
      const mark = document.createElement("span");
      mark.className = `mark ${look}`;
      mark.style.left = `${(100 * (x + 0.5)) / width}%`;
      mark.style.top = `${(100 * (y + 0.5)) / height}%`;
      target.append(mark);
    }
    if (clicks.length) {
      const parts = clicks.flatMap(({ x, y, kind }, index) => {
        const option = document.createElement("span");
        option.className = "o";
        option.textContent = kind;
        return [index ? " " : "", option, ` ${x},${y}@${frame}`];
      });
      prompts.replaceChildren(...parts);
    } else {
      prompts.innerHTML = empty;
    }
  };

  const add = (x, y) => {
    const kind = section.querySelector("input:checked").value;
    clicks.push({ x, y, kind });
    draw();
    say(`${kind} ${x},${y} is in the command now.`);
  };

  target.addEventListener("click", (event) => {
    const box = target.getBoundingClientRect();
    const along = (at, size, count) =>
      Math.min(count - 1, Math.max(0, Math.round((at / size) * count - 0.5)));
    here = {
      x: along(event.clientX - box.left, box.width, Number(width)),
      y: along(event.clientY - box.top, box.height, Number(height)),
    };
    add(here.x, here.y);
  });

  target.addEventListener("keydown", (event) => {
    here = here || { x: Math.floor(width / 2), y: Math.floor(height / 2) };
    const step = event.shiftKey ? 1 : Math.max(1, Math.round(width / 64));
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in ways) {
      const [right, down] = ways[event.key];
      here.x = Math.min(width - 1, Math.max(0, here.x + right * step));
      here.y = Math.min(height - 1, Math.max(0, here.y + down * step));
    } else if (event.key === "Enter" || event.key === " ") {
      add(here.x, here.y);
    } else {
      return;
    }
    event.preventDefault();
    draw();
  });
  target.addEventListener("focus", draw);
  target.addEventListener("blur", draw);

  section.querySelector("button.clear").addEventListener("click", () => {
    clicks.length = 0;
    draw();
    say("The clicks are gone.");
  });
}
