// The transcript beside the player: a line seeks to where it was said; the spoken line is marked. Text is only ever
// written as text, never as HTML.
export default function (component) {
  const { data, parentElement } = component;
  const list = parentElement.querySelector(".turns");
  const audio = () => document.querySelector(".st-key-player audio");
  list.replaceChildren();
  const lines = data.turns.map((turn) => {
    const line = document.createElement("button");
    line.type = "button";
    line.className = "turn " + (turn.role === "operator" ? "operator" : "customer");
    for (const part of ["time", "who", "text"]) {
      const cell = document.createElement("span");
      cell.className = part;
      cell.dir = "auto";
      cell.textContent = turn[part];
      line.appendChild(cell);
    }
    line.addEventListener("click", () => {
      const player = audio();
      if (!player) return;
      player.currentTime = turn.start;
      player.play().catch(() => {});
    });
    list.appendChild(line);
    return line;
  });
  const mark = () => {
    const player = audio();
    const at = player ? player.currentTime : -1;
    lines.forEach((line, index) => {
      const turn = data.turns[index];
      const isSpoken = player && at > 0 && at >= turn.start && at < turn.end;
      line.classList.toggle("spoken", Boolean(isSpoken));
      if (isSpoken) line.setAttribute("aria-current", "true");
      else line.removeAttribute("aria-current");
    });
  };
  const clock = setInterval(mark, 200);
  return () => clearInterval(clock);
}
