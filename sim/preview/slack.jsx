// A Slack message by slack-blocks-to-jsx. It knows no attachments: their colour bar is drawn here.

import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { Message } from "slack-blocks-to-jsx";
import "slack-blocks-to-jsx/dist/style.css";

// `verbatim` keeps Slack from making links of bare addresses, no more; this renderer would drop all mark-up.
const styled = (blocks) => JSON.parse(JSON.stringify(blocks, (name, value) => (name === "verbatim" ? undefined : value)));

const Blocks = ({ blocks }) => <Message blocks={styled(blocks)} name="" logo="" theme="light" withoutWrapper />;

const Attachment = ({ color, blocks = [] }) => (
  <div className="bar" style={{ borderLeftColor: color }}>
    <Blocks blocks={blocks} />
  </div>
);

// Slack shows `text` only where there are no blocks.
function topBlocks({ text, blocks }) {
  if (blocks?.length) return blocks;
  return text ? [{ type: "section", text: { type: "mrkdwn", text } }] : [];
}

function SlackMessage({ at, body }) {
  return (
    <>
      <div className="logo">M</div>
      <div className="said">
        <p className="byline">
          <b>Meterwatch</b> <span className="app">APP</span> <time>{new Date(at).toISOString().slice(11, 16)}</time>
        </p>
        <Blocks blocks={topBlocks(body)} />
        {(body.attachments ?? []).map((attachment, index) => (
          <Attachment key={index} {...attachment} />
        ))}
      </div>
    </>
  );
}

export function drawSlack(message, place) {
  place.classList.add("slack");
  flushSync(() => createRoot(place).render(<SlackMessage {...message} />));
}
