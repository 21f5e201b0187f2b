// A conversation as messengers show it: what the contact said on the left, ours on the right, calls between them. Text
// is only ever written as text, never as HTML; a call is a button that opens it.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const list = parentElement.querySelector(".history");
  list.replaceChildren();
  const add = (parent, name, className, text) => {
    const part = document.createElement(name);
    part.className = className;
    part.dir = "auto";
    part.textContent = text;
    parent.appendChild(part);
    return part;
  };
  for (const entry of data.entries) {
    if (entry.day) add(list, "div", "day", entry.day);
    const side = entry.isOurs ? "ours" : "theirs";
    const place = add(list, "div", "row " + side, "");
    if (entry.call) {
      const button = add(place, "button", "entry call " + entry.outcome, "");
      button.type = "button";
      add(button, "span", "what", entry.text);
      if (entry.more) add(button, "span", "more", entry.more);
      add(button, "span", "time", entry.time);
      button.addEventListener("click", () => setTriggerValue("call", entry.call));
    } else {
      const bubble = add(place, "div", "entry message", "");
      add(bubble, "span", "what", entry.text);
      if (entry.reaction) add(bubble, "span", "reaction", entry.reaction);
      add(bubble, "span", "time", entry.time + (entry.more ? " · " + entry.more : ""));
    }
  }
  list.scrollTop = list.scrollHeight;
}
