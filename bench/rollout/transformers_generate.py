"""Times transformers' `generate` on the shapes of tiny_models.ts: reads JSON lines {model, sequences, prompt, generate} and
answers each with {seconds, cpuSeconds}. Compares nothing."""

import json
import sys
import time

import torch
import transformers
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM, LlamaConfig, LlamaForCausalLM

VOCABULARY = 64
SHARED = dict(
    vocab_size=VOCABULARY,
    hidden_size=128,
    num_hidden_layers=4,
    num_attention_heads=4,
    num_key_value_heads=4,
    intermediate_size=352,
    max_position_embeddings=4096,
    rms_norm_eps=1e-6,
    tie_word_embeddings=False,
    bos_token_id=None,
    eos_token_id=None,
    pad_token_id=0,
)


def nano():
    return LlamaForCausalLM(LlamaConfig(**SHARED))


def nano_v3():
    config = DeepseekV3Config(
        **SHARED,
        q_lora_rank=48,
        kv_lora_rank=32,
        qk_nope_head_dim=16,
        qk_rope_head_dim=16,
        v_head_dim=32,
        first_k_dense_replace=1,
        n_routed_experts=8,
        num_experts_per_tok=2,
        n_shared_experts=1,
        moe_intermediate_size=112,
        n_group=1,
        topk_group=1,
        norm_topk_prob=True,
        routed_scaling_factor=1.0,
    )
    return DeepseekV3ForCausalLM(config)


MODELS = {"nano": nano, "nano_v3": nano_v3}


def main():
    torch.set_num_threads(int(sys.argv[1]))
    torch.manual_seed(0)
    models = {}
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    print(json.dumps(versions), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        name = job["model"]
        if name not in models:
            models[name] = MODELS[name]().float().eval()
        prompts = torch.randint(1, VOCABULARY, (job["sequences"], job["prompt"]))
        with torch.inference_mode():
            start, cpu_start = time.perf_counter(), time.process_time()
            out = models[name].generate(
                prompts,
                attention_mask=torch.ones_like(prompts),
                max_new_tokens=job["generate"],
                do_sample=True,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
            )
            seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
        assert out.shape == (job["sequences"], job["prompt"] + job["generate"]), out.shape
        print(json.dumps({"seconds": seconds, "cpuSeconds": cpu_seconds}), flush=True)


main()
