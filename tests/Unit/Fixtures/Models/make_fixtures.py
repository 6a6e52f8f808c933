"""Makes the model files of this folder and their reference logits.

Needs PyTorch and NumPy; GGUF files are made only where the package `gguf` can be imported. Run in this folder:
    python3 make_fixtures.py
Everything is drawn from one seed. The logits are computed here, in double precision, by the formulas of GPT-2's paper and code.
"""
import json, os, struct
import numpy as np
import torch

SIZES = dict(vocab=40, context=8, width=8, heads=2, layers=2)
IDS = [3, 14, 15, 9, 26, 5]


def draw(seed, vocab, context, width, layers, **_):
    """Weights under Hugging Face's names; matrices are (in, out)."""
    random = np.random.default_rng(seed)
    normal = lambda *shape: random.normal(0, 0.3, shape).astype(np.float32)
    w = {"wte.weight": normal(vocab, width), "wpe.weight": normal(context, width)}
    for i in range(layers):
        h = f"h.{i}."
        for norm in ("ln_1", "ln_2"):
            w[h + norm + ".weight"], w[h + norm + ".bias"] = 1 + normal(width), normal(width)
        for name, inputs, outputs in (("attn.c_attn", width, 3 * width), ("attn.c_proj", width, width),
                                      ("mlp.c_fc", width, 4 * width), ("mlp.c_proj", 4 * width, width)):
            w[h + name + ".weight"], w[h + name + ".bias"] = normal(inputs, outputs), normal(outputs)
    w["ln_f.weight"], w["ln_f.bias"] = 1 + normal(width), normal(width)
    return w


def logits(w, ids, heads, head="wte.weight"):
    w = {name: np.asarray(value, np.float64) for name, value in w.items()}
    def norm(x, name):
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + 1e-5) * w[name + ".weight"] + w[name + ".bias"]
    linear = lambda x, name: x @ w[name + ".weight"] + w.get(name + ".bias", 0)
    x = w["wte.weight"][ids] + w["wpe.weight"][: len(ids)]
    layer = 0
    while f"h.{layer}.ln_1.weight" in w:
        h = f"h.{layer}."
        q, k, v = np.split(linear(norm(x, h + "ln_1"), h + "attn.c_attn"), 3, axis=-1)
        split = lambda m: m.reshape(len(ids), heads, -1).transpose(1, 0, 2)
        scores = split(q) @ split(k).transpose(0, 2, 1) / np.sqrt(q.shape[-1] // heads)
        scores = np.where(np.tril(np.ones((len(ids), len(ids)), bool)), scores, -np.inf)
        share = np.exp(scores - scores.max(-1, keepdims=True))
        share /= share.sum(-1, keepdims=True)
        x = x + linear((share @ split(v)).transpose(1, 0, 2).reshape(len(ids), -1), h + "attn.c_proj")
        m = linear(norm(x, h + "ln_2"), h + "mlp.c_fc")
        m = 0.5 * m * (1 + np.tanh(np.sqrt(2 / np.pi) * (m + 0.044715 * m ** 3)))
        x = x + linear(m, h + "mlp.c_proj")
        layer += 1
    return norm(x, "ln_f") @ w[head].T


REFERENCE = {}


def note(path, w, heads=SIZES["heads"], **options):
    REFERENCE[path] = dict(ids=IDS, logits=[[float(f"{v:.9g}") for v in row] for row in logits(w, IDS, heads, **options)])


def round_to(w, kind):
    cast = lambda v: torch.tensor(v).to(kind).to(torch.float32).numpy()
    return {name: cast(value) for name, value in w.items()}


# ---- Hugging Face -----------------------------------------------------------------------------------------------

CODES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


def write_safetensors(path, tensors, metadata=None):
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, tensor in tensors.items():
        raw = tensor.contiguous().view(torch.int16 if tensor.element_size() == 2 else torch.int32).numpy().tobytes()
        header[name] = {"dtype": CODES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def write_json(path, value):
    with open(path, "w") as file:
        json.dump(value, file, indent=1)
        file.write("\n")


def config(**changes):
    return dict(architectures=["GPT2LMHeadModel"], model_type="gpt2", activation_function="gelu_new", attn_pdrop=0.1, embd_pdrop=0.1,
                resid_pdrop=0.1, layer_norm_epsilon=1e-5, vocab_size=SIZES["vocab"], n_positions=SIZES["context"], n_ctx=SIZES["context"],
                n_embd=SIZES["width"], n_head=SIZES["heads"], n_layer=SIZES["layers"], n_inner=None, **changes)


def hugging_face(w):
    torch_w = {name: torch.tensor(value) for name, value in w.items()}
    prefixed = {"transformer." + name: value for name, value in torch_w.items()}
    mask = torch.tril(torch.ones(SIZES["context"], SIZES["context"])).view(1, 1, SIZES["context"], SIZES["context"])
    masks = {f"transformer.h.{i}.attn.{name}": value for i in range(SIZES["layers"])
             for name, value in (("bias", mask.to(torch.uint8)), ("masked_bias", torch.tensor(-1e4)))}

    os.makedirs("hf", exist_ok=True)
    write_json("hf/config.json", config())
    write_safetensors("hf/model.safetensors", prefixed, {"format": "pt"})
    note("hf", w)

    os.makedirs("hf-sharded", exist_ok=True)
    write_json("hf-sharded/config.json", config())
    names, shards = sorted(torch_w), {}
    for number, kind in ((1, torch.bfloat16), (2, torch.float16)):
        file = f"model-{number:05}-of-00002.safetensors"
        part = names[: len(names) // 2] if number == 1 else names[len(names) // 2:]
        write_safetensors("hf-sharded/" + file, {name: torch_w[name].to(kind) for name in part}, {"format": "pt"})
        shards.update({name: file for name in part})
    write_json("hf-sharded/model.safetensors.index.json", {"metadata": {"total_size": 2 * sum(v.numel() for v in torch_w.values())}, "weight_map": shards})
    half = len(names) // 2
    mixed = {**round_to({n: w[n] for n in names[:half]}, torch.bfloat16), **round_to({n: w[n] for n in names[half:]}, torch.float16)}
    note("hf-sharded", mixed)

    os.makedirs("hf-bin", exist_ok=True)
    write_json("hf-bin/config.json", config())
    state = {**{name: value.half() for name, value in prefixed.items()}, **masks}
    state["lm_head.weight"] = state["transformer.wte.weight"]
    torch.save(state, "hf-bin/pytorch_model.bin")
    note("hf-bin", round_to(w, torch.float16))


# ---- the book ---------------------------------------------------------------------------------------------------

def book_state(w, head, bias=True):
    out = {"tok_emb.weight": w["wte.weight"], "pos_emb.weight": w["wpe.weight"]}
    mask = np.triu(np.ones((SIZES["context"],) * 2, np.float32), 1)
    for i in range(SIZES["layers"]):
        h, b = f"h.{i}.", f"trf_blocks.{i}."
        out[b + "att.mask"] = mask
        parts, biases = np.split(w[h + "attn.c_attn.weight"], 3, axis=-1), np.split(w[h + "attn.c_attn.bias"], 3)
        for name, part, shift in zip(("query", "key", "value"), parts, biases):
            out[b + f"att.W_{name}.weight"] = part.T
            if bias:
                out[b + f"att.W_{name}.bias"] = shift
        for theirs, ours in (("attn.c_proj", "att.out_proj"), ("mlp.c_fc", "ff.layers.0"), ("mlp.c_proj", "ff.layers.2")):
            out[b + ours + ".weight"], out[b + ours + ".bias"] = w[h + theirs + ".weight"].T, w[h + theirs + ".bias"]
        for theirs, ours in (("ln_1", "norm1"), ("ln_2", "norm2")):
            out[b + ours + ".scale"], out[b + ours + ".shift"] = w[h + theirs + ".weight"], w[h + theirs + ".bias"]
    out["final_norm.scale"], out["final_norm.shift"], out["out_head.weight"] = w["ln_f.weight"], w["ln_f.bias"], head
    return out


def book(w):
    head = np.random.default_rng(7).normal(0, 0.3, (SIZES["vocab"], SIZES["width"])).astype(np.float32)
    unbiased = {name: value for name, value in w.items() if "c_attn.bias" not in name}
    with_head = {**unbiased, "head": head}
    state = {name: torch.tensor(np.ascontiguousarray(value)) for name, value in book_state(w, head, bias=False).items()}

    os.makedirs("book", exist_ok=True)
    torch.save(state, "book/model.pth")
    note("book/model.pth", with_head, head="head")

    # A training checkpoint: AdamW has taken a step, and the weights are those after it.
    parameters = {name: torch.nn.Parameter(value.clone()) for name, value in state.items() if not name.endswith("mask")}
    optimizer = torch.optim.AdamW(parameters.values(), lr=1e-3)
    for value in parameters.values():
        value.grad = torch.ones_like(value)
    optimizer.step()
    stepped = {name: parameters[name].detach() if name in parameters else value for name, value in state.items()}
    small = optimizer.state_dict()
    torch.save({"model_state_dict": {n: v.to(torch.bfloat16) if v.is_floating_point() else v for n, v in stepped.items()},
                "optimizer_state_dict": {**small, "state": {k: v for k, v in small["state"].items() if k < 2}}, "config": {"n_heads": SIZES["heads"], "drop_rate": 0.1}},
               "book/checkpoint.pth")
    theirs = from_book({n: v.to(torch.bfloat16).float().numpy() for n, v in stepped.items()})
    note("book/checkpoint.pth", theirs, head="head")

    # Weights as views: matrices transposed, queries, keys and values as columns of one matrix, the head tied by sharing.
    views = {}
    base = {name: torch.tensor(value) for name, value in w.items()}
    for name, value in book_state(w, w["wte.weight"]).items():
        views[name] = torch.tensor(np.ascontiguousarray(value))
    for i in range(SIZES["layers"]):
        fused = base[f"h.{i}.attn.c_attn.weight"].t()
        for part, name in enumerate(("query", "key", "value")):
            views[f"trf_blocks.{i}.att.W_{name}.weight"] = fused[part * SIZES["width"]: (part + 1) * SIZES["width"]]
        views[f"trf_blocks.{i}.ff.layers.0.weight"] = base[f"h.{i}.mlp.c_fc.weight"].t()
    views["out_head.weight"] = views["tok_emb.weight"]
    torch.save(views, "book/views.pth")
    note("book/views.pth", w)

    torch.save({name: torch.nn.Parameter(value.half()) for name, value in state.items()}, "book/legacy.pth", _use_new_zipfile_serialization=False)
    note("book/legacy.pth", round_to(with_head, torch.float16), head="head")


def package(w):
    """This library's own package: the book's names, and all else in the metadata."""
    head = np.random.default_rng(7).normal(0, 0.3, (SIZES["vocab"], SIZES["width"])).astype(np.float32)
    state = {n: torch.tensor(np.ascontiguousarray(v)) for n, v in book_state(w, head).items() if not n.endswith("mask")}
    own = dict(vocabularySize=SIZES["vocab"], contextLength=SIZES["context"], embeddingWidth=SIZES["width"], headCount=SIZES["heads"],
               layerCount=SIZES["layers"], dropoutRate=0.1, hasQkvBias=True, hasTiedHead=False)
    words = dict(kind="words", words=[f"w{i}" for i in range(SIZES["vocab"])], unknownWord="w0", endOfText="w1")
    os.makedirs("own", exist_ok=True)
    write_safetensors("own/model.safetensors", state, {"format": "pt", "mlnet_gpt.version": "1", "mlnet_gpt.config": json.dumps(own), "mlnet_gpt.tokenizer": json.dumps(words)})
    note("own/model.safetensors", {**w, "head": head}, head="head")


def from_book(state):
    w = {"wte.weight": state["tok_emb.weight"], "wpe.weight": state["pos_emb.weight"], "ln_f.weight": state["final_norm.scale"],
         "ln_f.bias": state["final_norm.shift"], "head": state["out_head.weight"]}
    for i in range(SIZES["layers"]):
        h, b = f"h.{i}.", f"trf_blocks.{i}."
        w[h + "attn.c_attn.weight"] = np.concatenate([state[b + f"att.W_{n}.weight"].T for n in ("query", "key", "value")], -1)
        for theirs, ours in (("attn.c_proj", "att.out_proj"), ("mlp.c_fc", "ff.layers.0"), ("mlp.c_proj", "ff.layers.2")):
            w[h + theirs + ".weight"], w[h + theirs + ".bias"] = state[b + ours + ".weight"].T, state[b + ours + ".bias"]
        for theirs, ours in (("ln_1", "norm1"), ("ln_2", "norm2")):
            w[h + theirs + ".weight"], w[h + theirs + ".bias"] = state[b + ours + ".scale"], state[b + ours + ".shift"]
    return w


# ---- TensorFlow -------------------------------------------------------------------------------------------------

def crc32c(data):
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(n):
    out = b""
    while n >= 128:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    return varint(number << 3) + varint(value) if isinstance(value, int) else varint(number << 3 | 2) + varint(len(value)) + value


def table(path, pairs, block_size=512, restart_interval=16):
    """LevelDB's table: blocks of entries whose keys share a beginning, an index, a footer."""
    def block(entries):
        out, restarts, last = b"", [], b""
        for number, (key, value) in enumerate(entries):
            shared = 0
            if number % restart_interval == 0:
                restarts.append(len(out))
            else:
                shared = len(os.path.commonprefix([last, key]))
            out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
            last = key
        return out + b"".join(struct.pack("<I", r) for r in restarts or [0]) + struct.pack("<I", max(len(restarts), 1))
    with open(path, "wb") as file:
        def put(content):
            handle = varint(file.tell()) + varint(len(content))
            file.write(content + b"\0" + struct.pack("<I", masked(content + b"\0")))
            return handle
        index, group, size = [], [], 0
        for position, (key, value) in enumerate(pairs):
            group.append((key, value))
            size += len(key) + len(value)
            if size > block_size or position == len(pairs) - 1:
                index.append((key, put(block(group))))
                group, size = [], 0
        meta, top = put(block([])), put(block(index))
        file.write((meta + top).ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57))


def tensorflow(w):
    os.makedirs("openai", exist_ok=True)
    write_json("openai/hparams.json", dict(n_vocab=SIZES["vocab"], n_ctx=SIZES["context"], n_embd=SIZES["width"], n_head=SIZES["heads"], n_layer=SIZES["layers"]))
    tensors = {}
    for name, value in w.items():
        parts = name.replace("h.", "h", 1).split(".")
        if name in ("wte.weight", "wpe.weight"):
            parts = parts[:1]
        elif "ln" in name:
            parts[-1] = "g" if parts[-1] == "weight" else "b"
        else:
            parts[-1] = parts[-1][0]
        tensors["model/" + "/".join(parts)] = value[None] if parts[-1] == "w" else value
    pairs, data = [(b"", field(1, 1) + field(3, field(1, 1)))], b""
    for name in sorted(tensors):
        raw = tensors[name].tobytes()
        shape = b"".join(field(2, field(1, size)) for size in tensors[name].shape)
        entry = field(1, 1) + field(2, shape) + (field(4, len(data)) if data else b"") + field(5, len(raw)) + varint(6 << 3 | 5) + struct.pack("<I", masked(raw))
        pairs.append((name.encode(), entry))
        data += raw
    table("openai/model.ckpt.index", pairs)
    with open("openai/model.ckpt.data-00000-of-00001", "wb") as file:
        file.write(data)
    with open("openai/checkpoint", "w") as file:
        file.write('model_checkpoint_path: "model.ckpt"\nall_model_checkpoint_paths: "model.ckpt"\n')
    note("openai", w)


# ---- GGUF -------------------------------------------------------------------------------------------------------

def gguf_names(w):
    names = {"attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down", "ln_1": "attn_norm", "ln_2": "ffn_norm"}
    for name, value in w.items():
        stem, kind = name.rsplit(".", 1)
        if stem in ("wte", "wpe", "ln_f"):
            yield {"wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm"}[stem] + "." + kind, value
        else:
            _, layer, part = stem.split(".", 2)
            yield f"blk.{layer}.{names[part]}.{kind}", np.ascontiguousarray(value.T) if value.ndim == 2 else value


def q8(value):
    """Blocks of 32 elements: a half-precision scale and rounded multiples of it."""
    blocks = value.reshape(-1, 32)
    scale = np.abs(blocks).max(1, keepdims=True) / 127
    counts = np.round(np.divide(blocks, scale, out=np.zeros_like(blocks), where=scale != 0)).astype(np.int8)
    half = scale.astype(np.float16)
    raw = np.concatenate([half.view(np.uint8).reshape(-1, 2), counts.view(np.uint8)], 1)
    return raw.reshape(value.shape[0], -1), (counts.astype(np.float32) * half.astype(np.float32)).reshape(value.shape)


def gguf(w, path, kind, sizes):
    import gguf
    writer = gguf.GGUFWriter(path, "gpt2", use_temp_file=False)
    writer.add_context_length(sizes["context"])
    writer.add_embedding_length(sizes["width"])
    writer.add_feed_forward_length(4 * sizes["width"])
    writer.add_block_count(sizes["layers"])
    writer.add_head_count(sizes["heads"])
    writer.add_layer_norm_eps(1e-5)
    if kind == "F32":
        tokens = ["l", "o", "w", "e", "r", "s", "t", "i", "d", "n", "\u0120", "\u0120l", "\u0120lo", "\u0120low", "er", "<|endoftext|>"]
        tokens += [chr(c) for c in range(ord("A"), ord("A") + sizes["vocab"] - len(tokens))]
        writer.add_tokenizer_model("gpt2")
        writer.add_token_list(tokens)
        writer.add_token_types([3 if t == "<|endoftext|>" else 1 for t in tokens])
        writer.add_token_merges(["\u0120 l", "\u0120l o", "\u0120lo w", "e r"])
        writer.add_eos_token_id(tokens.index("<|endoftext|>"))
    read_back = {}
    for (name, value), source in zip(gguf_names(w), w):
        turn = (lambda v: v.T) if value.ndim == 2 and value.shape != w[source].shape or "c_" in source and value.ndim == 2 else (lambda v: v)
        if kind == "F32" or value.ndim == 1:
            writer.add_tensor(name, value)
            stored = value
        elif kind == "F16":
            writer.add_tensor(name, value.astype(np.float16))
            stored = value.astype(np.float16).astype(np.float32)
        elif kind == "BF16":
            rounded = torch.tensor(value).bfloat16()
            writer.add_tensor(name, rounded.view(torch.int16).numpy().view(np.float16), raw_dtype=Type(30))
            stored = rounded.float().numpy()
        else:
            raw, stored = q8(value)
            writer.add_tensor(name, raw, raw_shape=value.shape, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        read_back[source] = turn(stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    note(path, read_back, sizes["heads"])


class Type(int):
    """A number of ggml's that the package may be too old to name."""


if __name__ == "__main__":
    torch.manual_seed(1)
    weights = draw(1, **SIZES)
    hugging_face(weights)
    book(weights)
    package(weights)
    tensorflow(weights)
    try:
        import gguf as _
    except ImportError:
        print("no package gguf: its files are left as they are")
        REFERENCE.update({path: value for path, value in json.load(open("logits.json")).items() if path.startswith("gguf")})
    else:
        os.makedirs("gguf", exist_ok=True)
        wide = dict(SIZES, width=32, heads=4, layers=1, vocab=40)
        for name, sizes in (("F32", SIZES), ("F16", SIZES), ("BF16", SIZES), ("Q8_0", wide)):
            gguf(weights if sizes is SIZES else draw(2, **wide), f"gguf/{name.lower()}.gguf", name, sizes)
    with open("logits.json", "w") as file:
        file.write("{\n" + ",\n".join(f'"{path}": {json.dumps(value)}' for path, value in sorted(REFERENCE.items())) + "\n}\n")
