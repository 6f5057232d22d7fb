"""Steps of TRL's GRPOTrainer on the CPU: reads a job of workload.ts from a file, prints what it tells as a line of JSON.
Compares nothing."""

import json
import os
import sys
import tempfile
import time

os.environ["HF_HUB_OFFLINE"] = "1"

import accelerate
import torch
import transformers
import trl
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, PrinterCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

VERSIONS = {
    "python": sys.version.split()[0],
    **{package.__name__: package.__version__ for package in (torch, transformers, trl, accelerate)},
}


class StepClock(TrainerCallback):
    """Seconds from the end of a step to the end of the next, and processor time: whatever a step costs is in them."""

    def __init__(self):
        self.seconds = []
        self.cpu_seconds = []

    def on_train_begin(self, *_, **__):
        self.last = (time.perf_counter(), time.process_time())

    def on_step_end(self, *_, **__):
        now = (time.perf_counter(), time.process_time())
        self.seconds.append(now[0] - self.last[0])
        self.cpu_seconds.append(now[1] - self.last[1])
        self.last = now


def words_tokenizer(words):
    """A word a token. The end token is one that the model has no logit for, so that no completion ends early."""
    vocabulary = {word: i for i, word in enumerate([*words, "<never>"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=words[-1]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=words[0], eos_token="<never>", padding_side="left"
    )


def share_of_even_ids(completion_ids, **_):
    return [sum(1 - i % 2 for i in ids) / len(ids) for ids in completion_ids]


def config_of(job, batch):
    completions = len(job["prompts"]) * job["group"]
    return GRPOConfig(
        output_dir=tempfile.mkdtemp(),
        use_cpu=True,
        bf16=False,
        report_to="none",
        save_strategy="no",
        logging_steps=1,
        disable_tqdm=True,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=completions // batch,
        num_generations=job["group"],
        max_completion_length=job["newTokens"],
        max_steps=job["steps"],
        gradient_checkpointing=job["isCheckpointed"],
        beta=job["beta"],
        loss_type="grpo",
        use_bias_correction_kl=False,
        scale_rewards="group",
        temperature=1.0,
        learning_rate=job["learningRate"],
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=1.0,
        seed=1,
        model_init_kwargs={"dtype": "float32"},
    )


def timed(call, seconds):
    def run(*words, **named):
        start = time.perf_counter()
        result = call(*words, **named)
        seconds.append(time.perf_counter() - start)
        return result

    return run


def probe(model, ids):
    """Log-probabilities of a text's tokens from the second on."""
    ids = torch.tensor([ids])
    with torch.no_grad():
        logps = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
    return logps.gather(-1, ids[0, 1:, None])[:, 0].tolist()


def main():
    with open(sys.argv[1], encoding="utf8") as file:
        job = json.load(file)
    torch.set_num_threads(job["threads"])
    transformers.logging.set_verbosity_error()
    tokenizer = words_tokenizer(job["words"])
    clock = StepClock()
    trainer = GRPOTrainer(
        model=job["folder"],
        reward_funcs=share_of_even_ids,
        args=config_of(job, job["peerBatch"]),
        train_dataset=Dataset.from_dict({"prompt": job["prompts"]}),
        processing_class=tokenizer,
        callbacks=[clock],
    )
    trainer.remove_callback(PrinterCallback)
    first = probe(trainer.model, tokenizer(job["prompts"][0])["input_ids"])
    rollouts = []
    trainer.model.generate = timed(trainer.model.generate, rollouts)
    trainer.train()
    log = [line for line in trainer.state.log_history if "completions/mean_length" in line]
    told = {
        "versions": VERSIONS,
        "seconds": clock.seconds,
        "cpuSeconds": clock.cpu_seconds,
        "rolloutSeconds": rollouts,
        "meanLengths": [line["completions/mean_length"] for line in log],
        "gradientNorms": [line["grad_norm"] for line in log],
        "entropies": [line["entropy"] for line in log],
        "probe": first,
    }
    print(json.dumps(told), flush=True)


main()
