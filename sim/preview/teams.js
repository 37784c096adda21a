// A Teams message by Microsoft's own renderer of Adaptive Cards, with the look of Teams.

import * as AC from "adaptivecards";
import "adaptivecards/dist/adaptivecards.css";
import markdownIt from "markdown-it";
import look from "./teams-look.json";

const markdown = markdownIt();
AC.AdaptiveCard.onProcessMarkdown = (text, result) => {
  result.outputHtml = markdown.render(text);
  result.didProcess = true;
};

export function drawTeams({ at, body }, place) {
  place.classList.add("teams");
  place.innerHTML = '<div class="logo">W</div><div class="said"><p class="byline"><b>Workflows</b> <time></time></p></div>';
  place.querySelector("time").textContent = new Date(at).toISOString().slice(11, 16);
  for (const { content } of body.attachments) {
    const card = new AC.AdaptiveCard();
    card.hostConfig = new AC.HostConfig(look);
    card.parse(content);
    place.querySelector(".said").append(card.render());
  }
}
