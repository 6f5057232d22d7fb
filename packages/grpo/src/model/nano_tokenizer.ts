/** The tokenizer of the nano family: the words of its tasks, and a chat template that reads loosely typed problems. */
import { VOCABULARY } from "../tasks/nano/vocabulary.ts";
import { type TokenizerMetadata, wordTokenizer } from "./word_tokenizer.ts";

/**
 * A user's text becomes `<s> <en> TASK ... ?`: words may stand close together, names of tasks may be small, the question
 * mark may be missing, an expression needs no name and no outer brackets: `(8-(1*8))-5` is `EVAL ((8-(1*8))-5) ?`. `<en>`
 * or `<xx>` may come first and say in which digits the answer is wanted; else a problem written in letters alone is
 * `<xx>`. What is no word of the vocabulary, and a text that names no task, is refused.
 * The last user message counts, for a model that learned one problem a text; an answer after it is the model's own.
 */
const CHAT_TEMPLATE = [
  "{%- set tasks = ['CHAIN', 'MUL', 'EVAL', 'CD', 'REV', 'COPY', 'SORT'] %}",
  "{%- set signs = '0123456789abcdefghij+-*=();:xyABCDEFGHIJKL' %}",
  "{%- set ns = namespace(user='', answer='', tag='', task='', words='', digits=false, letters=false, depth=0, operators=0, open=0, other=false) %}",
  "{%- for message in messages %}",
  "{%- if message['role'] == 'user' %}{% set ns.user = message['content'] %}{% set ns.answer = '' %}",
  "{%- elif message['role'] == 'assistant' %}{% set ns.answer = message['content'] %}{% endif %}",
  "{%- endfor %}",
  "{%- for word in ns.user.split() %}",
  "{%- if word in ['<en>', '<xx>'] and ns.tag == '' and ns.task == '' and ns.words == '' %}{% set ns.tag = word %}",
  "{%- elif word | upper in tasks and ns.task == '' and ns.words == '' %}{% set ns.task = word | upper %}",
  "{%- else %}",
  "{%- for i in range(word | length) %}",
  "{%- set sign = word[i] %}",
  "{%- if sign in signs %}",
  "{%- set ns.words = ns.words + ' ' + sign %}",
  "{%- if sign in '0123456789' %}{% set ns.digits = true %}",
  "{%- elif sign in 'abcdefghij' %}{% set ns.letters = true %}",
  "{%- elif sign == '(' %}{% set ns.depth = ns.depth + 1 %}",
  "{%- elif sign == ')' %}{% set ns.depth = ns.depth - 1 %}",
  "{%- elif sign in '+-*' %}{% set ns.operators = ns.operators + 1 %}{% if ns.depth == 0 %}{% set ns.open = ns.open + 1 %}{% endif %}",
  "{%- else %}{% set ns.other = true %}{% endif %}",
  "{%- elif sign not in ',?' %}",
  "{{- raise_exception('\"' + word + '\" is no word of this model, which knows ' + tasks | join(', ') + ' of digits: try CHAIN A 9 B 4 C 8 ?') }}",
  "{%- endif %}",
  "{%- endfor %}",
  "{%- endif %}",
  "{%- endfor %}",
  "{%- if ns.task == '' and ns.operators > 0 and not ns.other %}{% set ns.task = 'EVAL' %}{% endif %}",
  "{%- if ns.task == '' %}",
  "{{- raise_exception('The text names no task of this model, which knows ' + tasks | join(', ') + ' of digits: try CHAIN A 9 B 4 C 8 ?') }}",
  "{%- elif ns.task == 'EVAL' and ns.open > 1 %}",
  "{{- raise_exception('This model wants brackets around each operation: try EVAL ((9+4)-8) ?') }}",
  "{%- elif ns.task == 'EVAL' and ns.open == 1 %}{% set ns.words = ' (' + ns.words + ' )' %}{% endif %}",
  "{%- if ns.tag == '' %}{% set ns.tag = '<xx>' if ns.letters and not ns.digits else '<en>' %}{% endif %}",
  "{{- bos_token + ' ' + ns.tag + ' ' + ns.task + ns.words + ' ?' }}",
  "{%- if ns.answer != '' %}{{- ' ' + ns.answer | trim + eos_token }}{% endif %}",
].join("\n");

/** 59 words in 64 places; a text is its words joined by single spaces, see `wordTokenizer`. */
export function nanoTokenizer(): TokenizerMetadata {
  return wordTokenizer(VOCABULARY, {
    ...{ begin: "<s>", end: "</s>", padding: "<pad>", unused: /^<unused\d>$/ },
    chatTemplate: CHAT_TEMPLATE,
  });
}
