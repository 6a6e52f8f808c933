"""Writes the files of questions that llama-perplexity reads, runs it on them, and writes its verdicts to llama-cpp.json.

    python3 make_llama_cpp.py <llama-perplexity> <model.gguf>

The questions are made from chapters of Moby-Dick. In PowerShell, the model is made by
    New-GptModel tiny -ContextLength 256 -TiedHead:$false -Seed 7 | Export-GptModel -Path model.gguf
"""
import json, pathlib, random, re, struct, subprocess, sys

here = pathlib.Path(__file__).parent
book = (here / "../../../../samples/Data/moby-dick.txt").read_text(encoding="utf-8")
random.seed(20261128)
sentences = [s.strip() for s in re.split(r"(?<=[.!?])\s+", book) if 50 <= len(s.strip()) <= 90 and not re.search(r'[\n_",]', s)]
random.shuffle(sentences)
pool = [s.split(" ") for s in sentences]


def half(first):
    words = random.choice(pool)
    return " ".join(words[: len(words) // 2] if first else words[len(words) // 2 :])


def choices(count):
    while True:
        made = [half(False) for _ in range(count)]
        if len(set(made)) == count:
            return made


def make_hellaswag():
    return "".join(f"{half(True)}\n{random.randrange(4)}\n" + "".join(f"{each}\n" for each in choices(4)) for _ in range(240))


def make_winogrande():
    # At least four tokens follow the words that differ; with fewer, llama-perplexity reads the wrong logits (its own FIXME).
    names = ["Ahab", "Starbuck", "Stubb", "Queequeg", "Captain Peleg", "Bildad", "Pip", "old Fleece"]
    lines = []
    for i in range(240):
        one, other = random.sample(names, 2)
        lines.append(f"{i},{half(True)} while {one} and {other} looked on so _ said that {half(False)},{one},{other},{1 + random.randrange(2)}\n")
    return "".join(lines)


def make_multiple_choice():
    def text(value):
        return struct.pack("<I", len(value.encode())) + value.encode()

    def answers(made, right):
        return struct.pack("<I", len(made)) + b"".join(map(text, made)) + struct.pack(f"<{len(made)}i", *(int(i == right) for i in range(len(made))))

    tasks = []
    for i in range(240):
        count = 4 if i % 4 else random.randrange(2, 7)
        tasks.append(text(half(True)) + answers(choices(count), random.randrange(count)) + answers([], 0))
    start, positions = 4 + 4 * len(tasks), []
    for task in tasks:
        positions.append(start)
        start += len(task)
    return struct.pack(f"<I{len(tasks)}I", len(tasks), *positions) + b"".join(tasks)


class MersenneTwister:
    """std::mt19937 and std::uniform_int_distribution of libstdc++ 12."""

    def __init__(self, seed):
        self.state, self.index = [seed], 624
        for i in range(1, 624):
            self.state.append((1812433253 * (self.state[-1] ^ (self.state[-1] >> 30)) + i) & 0xFFFFFFFF)

    def next(self):
        if self.index == 624:
            for i in range(624):
                y = (self.state[i] & 0x80000000) | (self.state[(i + 1) % 624] & 0x7FFFFFFF)
                self.state[i] = self.state[(i + 397) % 624] ^ (y >> 1) ^ (0x9908B0DF if y & 1 else 0)
            self.index = 0
        y = self.state[self.index]
        self.index += 1
        y ^= y >> 11
        y ^= (y << 7) & 0x9D2C5680
        y ^= (y << 15) & 0xEFC60000
        return y ^ (y >> 18)

    def below(self, limit):
        while True:
            product = self.next() * limit
            if product & 0xFFFFFFFF >= (-limit & 0xFFFFFFFF) % limit:
                return product >> 32


def run(*arguments):
    command = [sys.argv[1], "-m", sys.argv[2], "-c", "256", "-np", "8", "-kvu", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line.split("\t") for line in done.stdout.splitlines() if re.match(r"\d+\t", line)]
    if not lines:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    return lines


def verdicts(lines):
    """Whether each question was right, from the running accuracy in percent."""
    right = [round(float(line[1].rstrip("%")) * int(line[0]) / 100) for line in lines]
    return [now - before for before, now in zip([0] + right, right)]


def main():
    made = {"llama-hellaswag.txt": make_hellaswag().encode(), "llama-winogrande.csv": make_winogrande().encode(),
            "llama-multiple-choice.bin": make_multiple_choice()}
    for name, data in made.items():
        (here / name).write_bytes(data)

    # HellaSwag is asked in random order.
    answered = verdicts(run("--hellaswag", "--hellaswag-tasks", "240", "-f", str(here / "llama-hellaswag.txt")))
    twister, left, hellaswag = MersenneTwister(1), list(range(240)), [0] * 240
    for verdict in answered:
        hellaswag[left.pop(twister.below(len(left)))] = verdict
    lines = run("--winogrande", "-f", str(here / "llama-winogrande.csv"))
    columns = [line[2].split() for line in lines]
    result = {
        "hellaswag": "".join(map(str, hellaswag)),
        "winogrande": "".join(str(int(each[2] == each[3])) for each in columns),
        "winograndeScores": [[float(each[0]), float(each[1])] for each in columns],
        "multipleChoice": "".join(map(str, verdicts(run("--multiple-choice", "-bf", str(here / "llama-multiple-choice.bin"))))),
    }
    text = json.dumps(result, separators=(",", ":")).replace("[[", "[\n[").replace("],[", "],\n[")
    (here / "llama-cpp.json").write_text(text + "\n")
    print({key: (len(value), value.count("1") if isinstance(value, str) else "") for key, value in result.items()})


main()
