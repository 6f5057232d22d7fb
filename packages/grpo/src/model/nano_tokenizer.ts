/** The tokenizer of the nano family: the words of its tasks, and a chat template that reads loosely typed problems. */
import { VOCABULARY } from "../tasks/nano/vocabulary.ts";
import { type TokenizerMetadata, wordTokenizer } from "./word_tokenizer.ts";

/**
 * A user's text becomes `<s> <en> TASK ... ?`: words may stand close together, names of tasks may be small, the question
 * mark may be missing. `<en>` or `<xx>` may come first and say in which digits the answer is wanted; else a problem
 * written in letters alone is `<xx>`. What is no word of the vocabulary, and a text that names no task, is refused.
 * The last user message counts, for a model that learned one problem a text; an answer after it is the model's own.
 */
const CHAT_TEMPLATE = [
  "{%- set tasks = ['CHAIN', 'MUL', 'EVAL', 'CD', 'REV', 'COPY', 'SORT'] %}",
  "{%- set signs = '0123456789abcdefghij+-*=();:xy?ABCDEFGHIJKL' %}",
  "{%- set ns = namespace(user='', answer='', tag='', words='', task=false, digits=false, letters=false) %}",
  "{%- for message in messages %}",
  "{%- if message['role'] == 'user' %}{% set ns.user = message['content'] %}{% set ns.answer = '' %}",
  "{%- elif message['role'] == 'assistant' %}{% set ns.answer = message['content'] %}{% endif %}",
  "{%- endfor %}",
  "{%- for word in ns.user.split() %}",
  "{%- if word in ['<en>', '<xx>'] and ns.tag == '' and ns.words == '' %}{% set ns.tag = word %}",
  "{%- elif word | upper in tasks %}",
  "{%- set ns.words = ns.words + ' ' + word | upper %}{% set ns.task = true %}",
  "{%- else %}",
  "{%- for i in range(word | length) %}",
  "{%- set sign = word[i] %}",
  "{%- if sign in signs %}",
  "{%- set ns.words = ns.words + ' ' + sign %}",
  "{%- if sign in '0123456789' %}{% set ns.digits = true %}{% endif %}",
  "{%- if sign in 'abcdefghij' %}{% set ns.letters = true %}{% endif %}",
  "{%- elif sign != ',' %}",
  "{{- raise_exception('\"' + word + '\" is no word of this model, which knows ' + tasks | join(', ') + ' of digits: try CHAIN A 9 B 4 C 8 ?') }}",
  "{%- endif %}",
  "{%- endfor %}",
  "{%- endif %}",
  "{%- endfor %}",
  "{%- if not ns.task %}",
  "{{- raise_exception('The text names no task of this model, which knows ' + tasks | join(', ') + ' of digits: try CHAIN A 9 B 4 C 8 ?') }}",
  "{%- endif %}",
  "{%- if ns.tag == '' %}{% set ns.tag = '<xx>' if ns.letters and not ns.digits else '<en>' %}{% endif %}",
  "{%- if '?' not in ns.words %}{% set ns.words = ns.words + ' ?' %}{% endif %}",
  "{{- bos_token + ' ' + ns.tag + ns.words }}",
  "{%- if ns.answer != '' %}{{- ' ' + ns.answer | trim + eos_token }}{% endif %}",
].join("\n");

/** 59 words in 64 places; a text is its words joined by single spaces, see `wordTokenizer`. */
export function nanoTokenizer(): TokenizerMetadata {
  return wordTokenizer(VOCABULARY, {
    ...{ begin: "<s>", end: "</s>", padding: "<pad>", unused: /^<unused\d>$/ },
    chatTemplate: CHAT_TEMPLATE,
  });
}
