"use strict";
// Copies commands, and writes clicks on the large pictures into them; opens small pictures large.
// Without it all commands are there, with X,Y to be filled in by hand.
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
  const prompts = section.querySelector(".prompts");
  if (!section.querySelector(".target") || !prompts) continue;
  const empty = prompts.innerHTML;
  const clicks = [];
  const targets = [...section.querySelectorAll(".target")].map((element) => {
    // What the picture shows, in pixels of the video.
    const [frame, x, y, width, height] = ["frame", "x", "y", "width", "height"].map((name) =>
      Number(element.dataset[name]));
    return { element, frame, x, y, width, height, here: null };
  });
  const figures = section.querySelectorAll("figure[id]");

  const draw = () => {
    for (const mark of section.querySelectorAll(".mark")) mark.remove();
    for (const target of targets) {
      const { element, here, frame } = target;
      if (element.matches(".open") && !isLarge(element)) continue;
      const marks = clicks.filter((click) => click.frame === frame)
        .map(({ x, y, kind }) => ({ x, y, look: kind === "--click" ? "on" : "off" }));
      if (here && document.activeElement === element) marks.push({ ...here, look: "here" });
      for (const { x, y, look } of marks) {
        const across = (x - target.x + 0.5) / target.width;
        const down = (y - target.y + 0.5) / target.height;
        if (across < 0 || across > 1 || down < 0 || down > 1) continue;
        const mark = document.createElement("span");
        mark.className = `mark ${look}`;
        mark.style.left = `${100 * across}%`;
        mark.style.top = `${100 * down}%`;
        element.append(mark);
      }
    }
    if (clicks.length) {
      const parts = clicks.flatMap(({ frame, x, y, kind }, index) => {
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

  const isLarge = (element) => element.closest("figure").classList.contains("large");

  const enlarge = (figure) => {
    for (const each of figures) each.classList.toggle("large", each === figure);
    draw();
    if (figure) figure.scrollIntoView({ block: "nearest" });
  };

  const add = (frame, x, y) => {
    const kind = section.querySelector("input:checked").value;
    clicks.push({ frame, x, y, kind });
    draw();
    say(`${kind} ${x},${y}@${frame} is in the command now.`);
  };

  for (const target of targets) {
    const { element, frame, width, height } = target;
    const inside = (x, y) => ({
      x: Math.min(target.x + width - 1, Math.max(target.x, x)),
      y: Math.min(target.y + height - 1, Math.max(target.y, y)),
    });

    element.addEventListener("click", (event) => {
      if (element.matches(".open")) {
        event.preventDefault();
        // A key that opens it has no place on the picture.
        if (!isLarge(element)) return enlarge(element.closest("figure"));
      }
      const box = element.querySelector("img").getBoundingClientRect();
      const along = (at, size, count) => Math.round((at / size) * count - 0.5);
      target.here = inside(
        target.x + along(event.clientX - box.left, box.width, width),
        target.y + along(event.clientY - box.top, box.height, height),
      );
      add(frame, target.here.x, target.here.y);
    });

    element.addEventListener("keydown", (event) => {
      if (element.matches(".open") && !isLarge(element)) return;
      const { x, y } = target.here ||
        { x: target.x + Math.floor(width / 2), y: target.y + Math.floor(height / 2) };
      const step = event.shiftKey ? 1 : Math.max(1, Math.round(width / 64));
      const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      if (event.key in ways) {
        const [right, down] = ways[event.key];
        target.here = inside(x + right * step, y + down * step);
      } else if (event.key === "Enter" || event.key === " ") {
        target.here = { x, y };
        add(frame, x, y);
      } else if (event.key === "Escape" && element.matches(".open")) {
        enlarge(null);
      } else {
        return;
      }
      event.preventDefault();
      draw();
    });
    element.addEventListener("focus", draw);
    element.addEventListener("blur", draw);
  }

  for (const link of section.querySelectorAll(".close")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      enlarge(null);
      link.closest("figure").querySelector(".open").focus();
    });
  }

  section.querySelector("button.clear").addEventListener("click", () => {
    clicks.length = 0;
    draw();
    say("The clicks are gone.");
  });
}
