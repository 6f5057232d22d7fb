"""Continues prompts of token ids greedily with llama.cpp, f32 keys and values, and cuts texts into tokens; JSON in, JSON out."""

import json
import sys

import llama_cpp

asked = json.load(sys.stdin)
model = llama_cpp.Llama(
    asked["model"],
    n_ctx=256,
    n_threads=1,
    type_k=llama_cpp.GGML_TYPE_F32,
    type_v=llama_cpp.GGML_TYPE_F32,
    logits_all=True,
    verbose=False,
)


def continued(prompt):
    model.reset()
    model.eval(prompt)
    ids = []
    while len(ids) < asked["maxTokens"]:
        ids.append(int(model.scores[model.n_tokens - 1].argmax()))
        if ids[-1] == model.token_eos():
            break
        model.eval([ids[-1]])
    return ids


def cut(text):
    return model.tokenize(text.encode(), add_bos=False, special=True)


def joined(ids):
    return model.detokenize(ids, special=True).decode()


tokens = [cut(text) for text in asked["texts"]]
json.dump(
    {
        "continued": [continued(prompt) for prompt in asked["prompts"]],
        "tokens": tokens,
        "texts": [joined(ids) for ids in tokens],
    },
    sys.stdout,
)
