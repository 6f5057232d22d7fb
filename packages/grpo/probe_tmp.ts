/** probe */
import { fullPolicy, policyNetwork, tokenLogps } from "@aha/grpo";
import { nanoDocuments, decodeWords } from "@aha/grpo/tasks";
import { openTrainable, openTensorFile } from "@aha/runtime/training";
import { newModel, nanoTokenizer, SHAPES } from "@aha/grpo";
const dir = Deno.args[0];
const model = await openTrainable(await newModel(SHAPES.ci, nanoTokenizer(), 33));
const file = await openTensorFile(dir + "/checkpoint.safetensors");
for (const [name, p] of model.parameters) model.backend.grad.writeParameter(p, await file.read(name));
const { document } = nanoDocuments({ seed: 5, tasks: { CHAIN6: 1 }, languages: ["en"], thoughtShare: 1, taggedShare: 1, split: "test" });
const docs = Array.from({ length: 256 }, (_, i) => document(i).ids);
const { logps } = await tokenLogps(policyNetwork(fullPolicy(model)), docs.map((ids) => ({ ids, mask: ids.map(() => 1) })));
console.log(decodeWords(docs[0]));
console.log(Array.from(logps[0], (_, i) => (-logps.reduce((s, l) => s + l[i], 0) / docs.length).toFixed(2)).join(" "));
await model.close();
