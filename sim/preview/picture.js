// Draws window.messages: Slack on the left, Teams on the right. Says on <html> how high it became.

import "./picture.css";
import { drawSlack } from "./slack.jsx";
import { drawTeams } from "./teams.js";

const services = [
  { caption: "Slack: one message an incident, edited in place", owns: (kind) => kind !== "teams", draw: drawSlack },
  { caption: "Teams: a card each time", owns: (kind) => kind === "teams", draw: drawTeams },
];

function column({ caption, owns, draw }) {
  const figure = document.createElement("figure");
  for (const message of window.messages.filter(({ kind }) => owns(kind))) {
    const place = document.createElement("div");
    place.className = "message";
    draw(message, place);
    figure.append(place);
  }
  if (figure.childElementCount > 0) {
    figure.append(Object.assign(document.createElement("figcaption"), { textContent: caption }));
    document.querySelector("#picture").append(figure);
  }
}

services.forEach(column);
document.documentElement.dataset.height = Math.ceil(document.body.getBoundingClientRect().height);
