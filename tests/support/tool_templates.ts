/** Chat templates that know tools, cut down to what tests need: each writes calls as the model it is named after. Renders nothing. */
import { fixtureJson } from "./fixture.ts";
import type { ChatTable } from "./token_tables.ts";

const published = fixtureJson<ChatTable>("tokens/chat_templates.json").templates;

const QWEN_HEAD = "{%- if tools %}<|im_start|>system\n<tools>{% for tool in tools %}\n" +
  "{{- tool | tojson }}{% endfor %}\n</tools>\n<tool_call>\n" +
  '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call><|im_end|>\n{% endif %}';

/** Arguments must be an object: a text would be quoted once more. */
const qwen25 = QWEN_HEAD + `{%- for m in messages %}
{%- if m.role == "tool" %}{{ '<|im_start|>user\n<tool_response>\n' + m.content + '\n</tool_response><|im_end|>\n' }}
{%- elif m.tool_calls %}{{ '<|im_start|>assistant' }}{% if m.content %}{{ '\n' + m.content }}{% endif %}
{%- for call in m.tool_calls %}{{ '\n<tool_call>\n{"name": "' + call.function.name + '", "arguments": ' }}
{{- call.function.arguments | tojson }}{{ '}\n</tool_call>' }}{% endfor %}{{ '<|im_end|>\n' }}
{%- else %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endif %}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`;

/** Arguments must be text, results stand alone, tools are not told of. */
const deepseek31 = `{{ bos_token }}{% for m in messages %}
{%- if m.role == 'system' %}{{ m.content }}{% elif m.role == 'user' %}{{ '<｜User｜>' + m.content }}
{%- elif m.role == 'tool' %}{{ '<｜tool▁output▁begin｜>' + m.content + '<｜tool▁output▁end｜>' }}
{%- elif m.tool_calls %}{{ '<｜Assistant｜></think>' }}{% if m.content is not none %}{{ m.content }}{% endif %}
{{- '<｜tool▁calls▁begin｜>' }}{% for call in m.tool_calls %}{{ '<｜tool▁call▁begin｜>' + call.function.name
+ '<｜tool▁sep｜>' + call.function.arguments + '<｜tool▁call▁end｜>' }}{% endfor %}
{{- '<｜tool▁calls▁end｜><｜end▁of▁sentence｜>' }}
{%- else %}{{ '<｜Assistant｜></think>' + m.content + '<｜end▁of▁sentence｜>' }}{% endif %}{% endfor %}
{%- if add_generation_prompt and messages[-1].role == 'user' %}{{ '<｜Assistant｜></think>' }}{% endif %}`;

/** One call a message, its content left out; arguments must be an object, and results are quoted. */
const llama31 = `{{ bos_token }}{% for m in messages %}
{%- if m.tool_calls %}{% if m.tool_calls | length != 1 %}{{ raise_exception("one call at once") }}{% endif %}
{{- '<|start_header_id|>assistant<|end_header_id|>\n\n{"name": "' + m.tool_calls[0].function.name }}
{{- '", "parameters": ' }}{{ m.tool_calls[0].function.arguments | tojson }}{{ '}<|eot_id|>' }}
{%- elif m.role == 'tool' %}{{ '<|start_header_id|>ipython<|end_header_id|>\n\n' }}{{ m.content | tojson }}<|eot_id|>
{%- else %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' }}
{%- if tools and loop.first %}{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}{% endif %}
{{- m.content | trim + '<|eot_id|>' }}{% endif %}{% endfor %}
{%- if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}`;

/** Calls between the tags of Hermes, but not as JSON. */
const qwenCoder = qwen25.replace(
  `{"name": "' + call.function.name + '", "arguments": ' }}`,
  `<function=' + call.function.name + '>' }}`,
);

/** Qwen3's, DeepSeek-V3's and SmolLM2's are as published. */
export const toolTemplates = {
  ...{ qwen25, deepseek31, llama31, qwenCoder },
  qwen3: published.qwen3,
  deepseekV3: published.deepseek_v3,
  smollm2: published.smollm2,
};
