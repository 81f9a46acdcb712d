// What the AI says about a picture, and the forms that ask it.

import { call } from "../api.js";
import { form } from "../dialog.js";
import { field, h } from "../dom.js";
import { watchImage } from "../images.js";
import { notice } from "../notice.js";
import { mayUseAi, state } from "../state.js";
import { texts } from "../texts.js";

const words = texts.image;

/** Shows the AI's description, its failure, or that it is at work. @param {Api.Image} image */
export function analysisSection({ analysis }) {
  if (!state.profile?.features.ai) return null;
  return h("section", { class: "section" }, h("h2", null, words.ai),
    !state.tier?.ai && h("p", { class: "quiet" }, words.aiNotInTier),
    analysis?.status === "queued" && h("p", { role: "status" }, h("span", { class: "spinner" }), " ", words.asking),
    analysis?.status === "failed" && analysis.failure && h("p", { class: "callout error" }, texts.failure(analysis.failure)),
    analysis?.status === "done" && [
      h("p", { class: "analysis" }, analysis.description),
      analysis.answer && h("p", null, h("strong", null, `${words.answer}: `), analysis.answer),
      h("ul", { class: "tags", "aria-label": words.tags }, analysis.tags.map((tag) => h("li", { class: "chip" }, tag))),
      h("p", { class: "quiet" }, words.by(analysis.model)),
    ]);
}

/** @param {Api.Image} image @param {(analysis: Api.Analysis | null) => void} onAnalysisStarted */
export function aiForms(image, onAnalysisStarted) {
  if (!mayUseAi()) return null;
  return [
    form({
      className: "describe",
      kind: "",
      fields: [field(words.question, h("input", { name: "prompt", maxlength: "2000" }))],
      button: words.describe,
      submit: async ({ prompt }) => {
        const body = prompt.trim() ? { prompt: prompt.trim() } : {};
        onAnalysisStarted((await call("POST", `/api/images/${image.id}/analysis`, { body })).image.analysis);
      },
    }),
    form({
      kind: "",
      fields: [field(words.editPrompt, h("input", { name: "prompt", maxlength: "2000", required: true }))],
      button: words.makeEdit,
      submit: async ({ prompt }, element, key) => {
        const made = await call("POST", `/api/images/${image.id}/edits`, { body: { prompt }, key });
        watchImage(made.image.id);
        element.reset();
        const link = h("a", { class: "text-button", href: `#/images/${made.image.id}` }, words.openEdit);
        notice(words.editStarted, { actions: [link] });
      },
    }),
  ];
}
