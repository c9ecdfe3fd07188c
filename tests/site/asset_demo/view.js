// A demo for the tests: it loads an asset when its button is pressed, and adds up the numbers in it.

import { button } from "../../../attn_utils/widgets/frame/controls.js";
import { html } from "../../../attn_utils/widgets/frame/elements.js";
import { frame, load, panel } from "../../../attn_utils/widgets/frame/frame.js";
import { sum } from "../../../attn_utils/widgets/frame/math.js";

/** @param {import("../../../attn_utils/widgets/frame/frame.js").View} view */
function render(view) {
  const demo = frame(view, { title: "Asset", formula: [["total = Σ weights"]] });
  const place = panel(demo, ["What was loaded"], html("p", {}, "Nothing yet."));
  let total = 0;
  button(demo, "Load", async () => {
    const name = demo.get("name");
    const content = await load(demo, name, "the weights of the example (1 kB)", place);
    if (!content) return;
    total = sum(content.weights);
    place.replaceChildren(html("p", {}, `The total is ${total}.`));
    demo.publish({ total });
  });
  return demo.watch(["name"], () => {
    demo.publish({ total });
    demo.say("Press the button to load the weights.");
  });
}

export default { render };
