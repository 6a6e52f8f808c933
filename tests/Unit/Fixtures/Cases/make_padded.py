"""Makes nanogpt/padded-50304.pt.gz and its reference values from a nanoGPT checkpoint of 50304 ids.

    python3 make_padded.py CHECKPOINT

The token embedding of the source is replaced by one that compresses: row i is row i mod 211, rounded to multiples of 1/64. The reference is
computed here in double precision, with nothing but Python's standard library; all 50304 ids stand in the softmax.
"""
import array, gzip, io, json, math, sys, zipfile

IDS = json.load(open("gpt2-ids.json"))
VOCABULARY, WIDTH, HEADS = 50304, 16, 4


def storages(archive):
    folder = archive.namelist()[0].split("/")[0]
    count = sum(name.startswith(folder + "/data/") for name in archive.namelist())
    return folder, [array.array("f", archive.read(f"{folder}/data/{i}")) for i in range(count)]


def norm(row, scale, shift):
    mean = sum(row) / len(row)
    deviation = math.sqrt(sum((x - mean) ** 2 for x in row) / len(row) + 1e-5)
    return [(x - mean) / deviation * a + b for x, a, b in zip(row, scale, shift)]


def linear(row, weight, bias=None):
    n = len(row)
    return [math.fsum(x * weight[o * n + i] for i, x in enumerate(row)) + (bias[o] if bias else 0) for o in range(len(weight) // n)]


def losses(data):
    """-ln p of each id after the first; the storages are those of nanoGPT's one block in the order of its modules."""
    wte, wpe, ln_1, ln_1_b, ln_2, ln_2_b, attn, attn_b, proj, proj_b, up, up_b, down, down_b, ln_f, ln_f_b = data[:16]
    rows = [[wte[i * WIDTH + c] + wpe[p * WIDTH + c] for c in range(WIDTH)] for p, i in enumerate(IDS[:-1])]
    qkv, size = [linear(norm(row, ln_1, ln_1_b), attn, attn_b) for row in rows], WIDTH // HEADS
    mixed = [[] for _ in rows]
    for head in range(HEADS):
        q, k, v = (slice(part * WIDTH + head * size, part * WIDTH + (head + 1) * size) for part in range(3))
        for t, row in enumerate(qkv):
            scores = [math.fsum(a * b for a, b in zip(row[q], qkv[s][k])) / math.sqrt(size) for s in range(t + 1)]
            weights = [math.exp(score - max(scores)) for score in scores]
            mixed[t] += [math.fsum(w * qkv[s][v][c] for s, w in enumerate(weights)) / sum(weights) for c in range(size)]
    rows = [[x + y for x, y in zip(row, linear(m, proj, proj_b))] for row, m in zip(rows, mixed)]
    hidden = [linear(norm(row, ln_2, ln_2_b), up, up_b) for row in rows]
    hidden = [[0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3))) for x in row] for row in hidden]
    rows = [[x + y for x, y in zip(row, linear(h, down, down_b))] for row, h in zip(rows, hidden)]
    result = []
    for row, target in zip(rows, IDS[1:]):
        logits = linear(norm(row, ln_f, ln_f_b), wte)
        top = max(logits)
        result.append(top + math.log(math.fsum(math.exp(x - top) for x in logits)) - logits[target])
    return result


def report(data):
    each = losses(data)
    return {"sum": math.fsum(each), "mean": math.fsum(each) / len(each), "n": len(each), "first": each[:5]}


source = zipfile.ZipFile(sys.argv[1])
folder, data = storages(source)
print("as given:", [len(d) for d in data], report(data))
rounded = [round(x * 64) / 64 for x in data[0][: 211 * WIDTH]]
data[0] = array.array("f", [rounded[(i % 211) * WIDTH + c] for i in range(VOCABULARY) for c in range(WIDTH)])
buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w") as target:
    for name in source.namelist():
        info = zipfile.ZipInfo(name)
        target.writestr(info, data[0].tobytes() if name == folder + "/data/0" else source.read(name))
with open("nanogpt/padded-50304.pt.gz", "wb") as file:
    file.write(gzip.compress(buffer.getvalue(), 9, mtime=0))
print("reference:", json.dumps(report(data)))
