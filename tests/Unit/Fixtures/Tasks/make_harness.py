"""Writes harness.json: what lm-evaluation-harness makes of the published layouts beside this script, with its own code.

    python3 make_harness.py <a checkout of EleutherAI/lm-evaluation-harness> <r50k_base.json of the npm package tiktoken 1.0.22>

Needs numpy, jinja2, pyyaml and regex. Other packages that the harness imports (datasets, sacrebleu, tqdm, ...) are replaced by empty
modules: nothing that runs here uses them. The documents are made up or made from chapters of Moby-Dick.
"""
import base64, importlib.abc, importlib.machinery, importlib.metadata, json, pathlib, random, re, sys, types
from unittest.mock import MagicMock

import numpy, regex, yaml

here = pathlib.Path(__file__).parent
harness = pathlib.Path(sys.argv[1])


UNUSED = {
    "datasets", "sacrebleu", "tqdm", "evaluate", "requests", "dill", "more_itertools", "transformers", "torch", "word2number", "rouge_score",
    "sqlitedict", "zstandard", "tqdm_multiprocess", "jsonlines", "aiohttp", "tenacity", "accelerate", "peft"}


class Empty(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock()


class EmptyModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes an empty module of each package that nothing here uses."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in UNUSED:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return Empty(spec.name)

    def exec_module(self, module):
        module.__path__ = []


sys.meta_path.insert(0, EmptyModules())
importlib.metadata.version = lambda name: "0"
sys.path.insert(0, str(harness))
import tqdm

tqdm.tqdm = lambda items, **options: items
from lm_eval.api.model import TemplateLM
from lm_eval.api.task import ConfigurableTask

# GPT-2's byte-pair encoding over its ranks, as tiktoken defines it.
encoder = json.loads(pathlib.Path(sys.argv[2]).read_text())
ranks = {}
for line in encoder["bpe_ranks"].split("\n"):
    parts = line.split(" ")
    ranks.update((base64.b64decode(token), int(parts[1]) + i) for i, token in enumerate(parts[2:]))
pieces = regex.compile(encoder["pat_str"])


def encode(text):
    ids = []
    for piece in pieces.findall(text):
        parts = [bytes([byte]) for byte in piece.encode("utf-8")]
        while len(parts) > 1:
            best = min(range(len(parts) - 1), key=lambda i: ranks.get(parts[i] + parts[i + 1], 1 << 30))
            if parts[best] + parts[best + 1] not in ranks:
                break
            parts[best : best + 2] = [parts[best] + parts[best + 1]]
        ids += [ranks[part] for part in parts]
    return ids


class Recorder(TemplateLM):
    """Records the ids of requests."""

    backend = "causal"
    eot_token_id = prefix_token_id = 50256

    def tok_encode(self, string, add_special_tokens=None, **kwargs):
        return encode(string)

    def _loglikelihood_tokens(self, requests, **kwargs):
        return [(context, continuation) for _, context, continuation in requests]

    def loglikelihood_rolling(self, requests, disable_tqdm=False):
        raise NotImplementedError

    def generate_until(self, requests, disable_tqdm=False):
        raise NotImplementedError


class Documents(list):
    """What the harness uses of a data set of the package datasets."""

    @property
    def features(self):
        return dict.fromkeys(self[0])

    def map(self, function):
        return Documents({**document, **function(document)} for document in self)


def task_of(path, documents):
    folder = harness / "lm_eval" / "tasks" / path.parent

    class Loader(yaml.SafeLoader):
        pass

    def function(loader, node):
        module, name = node.value.rsplit(".", 1)
        scope = {}
        exec((folder / f"{module}.py").read_text(), scope)
        return scope[name]

    Loader.add_constructor("!function", function)
    config = yaml.load((harness / "lm_eval" / "tasks" / path).read_text(), Loader)
    split = config.get("test_split") or config["validation_split"]
    config.update(
        task=config.get("task", path.stem), training_split=None, validation_split=None, test_split=split, should_decontaminate=False,
        dataset_kwargs=None)
    if config["output_type"] == "multiple_choice":
        names = ["acc", "acc_norm", "acc_bytes", "brier_score"]
        config["metric_list"] = [
            {"metric": name, "aggregation": "brier_score" if name == "brier_score" else "mean", "higher_is_better": name != "brier_score"}
            for name in names]

    class Task(ConfigurableTask):
        def download(self, *args, **kwargs):
            self.dataset = {split: Documents(documents)}

    return Task(config=config)


def main():
    random.seed(20261128)
    made = make_documents()
    result = {}
    for name, (path, documents) in made.items():
        lines = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)
        (here / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        task = task_of(pathlib.Path(path), documents)
        questions, scores = [], {}
        for document in task.eval_docs:
            requests = task.construct_requests(document, task.fewshot_context(document, 0), metadata=(name, 0, 1))
            requests = requests if isinstance(requests, list) else [requests]
            ids = Recorder().loglikelihood(requests, disable_tqdm=True)

            # Made-up likelihoods, on which the harness's metrics are computed; some are equal.
            likelihoods = [(-random.randrange(1, 4000) / 64, random.random() < 0.4) for _ in requests]
            if len(requests) > 1 and random.random() < 0.1:
                likelihoods[1] = likelihoods[0]
            for metric, value in task.process_results(document, likelihoods).items():
                scores.setdefault(metric, []).append(value)
            gold = task.doc_to_text(document) if task.multiple_input else task.doc_to_target(document)
            questions.append({
                "gold": gold if isinstance(gold, int) else 0,
                "pairs": [list(request.args) for request in requests],
                "ids": [list(pair) for pair in ids],
                "logLikelihoods": [each[0] for each in likelihoods],
                "areGreedy": [each[1] for each in likelihoods],
            })

        # The harness's Brier score fails for questions with different numbers of choices, so it is taken of one question at a time.
        if "brier_score" in scores:
            scores["brier_score"] = [task.aggregation()["brier_score"]([value]) for value in scores["brier_score"]]
        aggregations = {**task.aggregation(), "brier_score": lambda values: sum(values) / len(values)}
        metrics = {metric: float(aggregations[metric](values)) for metric, values in scores.items()}
        result[name] = {"metrics": metrics, "questions": questions}
        print(name, len(questions), metrics)
    dumped = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
    (here / "harness.json").write_text(dumped.replace('{"gold"', '\n{"gold"') + "\n", encoding="utf-8")


def make_documents():
    book = (here / "../../../../samples/Data/moby-dick.txt").read_text(encoding="utf-8")
    sentences = [s.strip() for s in re.split(r"(?<=[.!?])\s+", book) if 60 <= len(s.strip()) <= 140 and "\n" not in s and "_" not in s]
    random.shuffle(sentences)
    words = sorted({word for word in re.findall(r"\b[a-z]{5,9}\b", book)})

    def halves():
        parts = sentences.pop().split(" ")
        return " ".join(parts[: len(parts) // 2]), " ".join(parts[len(parts) // 2 :])

    hellaswag = []
    for i in range(40):
        (first, second), right = halves(), random.randrange(4)
        middle = second.split(" ")
        endings = [halves()[1] for _ in range(4)]
        endings[right] = " ".join(middle[len(middle) // 2 :])
        hellaswag.append({
            "ind": i, "activity_label": random.choice(["Whaling", "Removing ice from a boat", "Café naïve", "Écrire"]), "ctx_a": first,
            "ctx_b": " ".join(middle[: len(middle) // 2]), "endings": endings, "label": str(right)})
    hellaswag[0].update(activity_label="Personal Care and Style", ctx_a="[header] How to sail [title] Buy a boat. [step] A big one.", ctx_b="")
    hellaswag[0]["endings"][1] = " [title] Sell it  again [substeps] tomorrow. "
    hellaswag[1].update(ctx_b="he THEN Sees a WHALE and")
    hellaswag[2].update(ctx_b="élan and ÉLAN", label=str(hellaswag[2]["label"]))
    hellaswag[3]["endings"] = ["sinks.", "swims — “far” away.", "𝒳 marks the spot 🐳.", "[only brackets] sleeps."]

    arc = []
    for i in range(40):
        right, labels = random.randrange(4), "ABCD" if i % 3 else "1234"
        options = random.sample(words, 4)
        question = f"{halves()[0]}: which word is meant?" + (" " if i == 5 else "")
        arc.append({
            "id": f"Moby_{i}", "question": question, "choices": {"text": options, "label": list(labels)}, "answerKey": labels[right]})
    for i, count in ((7, 3), (8, 5)):
        options = random.sample(words, count)
        arc[i].update(choices={"text": options, "label": list("ABCDE"[:count])}, answerKey="ABCDE"[count - 1])
    arc[9]["choices"]["text"] = ["1.5 m", "15 m", "150 °C", "½ m"]

    piqa = []
    for i in range(40):
        goal, good = halves()
        piqa.append({"goal": goal, "sol1": good, "sol2": halves()[1], "label": i % 2})
    piqa[3].update(goal="To tie a knot, ", sol1="pull", sol2=" pull hard")
    piqa[4].update(goal="How do I\nfurl\ta sail?", sol1="Roll it.", sol2="Roll it. Then tie it.")

    names = ["Ahab", "Starbuck", "Stubb", "Queequeg", "Flask", "Peleg", "Bildad", "Pip"]
    winogrande = []
    for i in range(40):
        one, other = random.sample(names, 2)
        winogrande.append({
            "sentence": f"{one} was {random.choice(words)} with {other} because _ had {random.choice(words)} {halves()[1]}",
            "option1": one, "option2": other, "answer": str(1 + i % 2)})
    winogrande[6].update(sentence="_ sailed, and the other one stayed.", option1="Ahab", option2="Old Bildad")
    winogrande[7].update(sentence="The ship passed the rock, and _.", option1="it sank", option2="it floated")

    lambada = [{"text": re.sub(r"[.!?,;:]+$", "", sentences.pop())} for _ in range(40)]
    lambada[5]["text"] = "the captain looked at the  whale"
    lambada[6]["text"] = "“who are you?” asked the old man, and the boy said, “ishmael"
    lambada[7]["text"] = "they took the boat\nand then they took the ship"

    pairs = [("sailor", "sailors"), ("whale", "whales"), ("captain", "captains"), ("boat", "boats")]
    blimp = []
    for i in range(40):
        singular, plural = random.choice(pairs)
        verb, adverb = random.choice([("swims", "swim"), ("sleeps", "sleep"), ("sinks", "sink")]), random.choice(words)
        subject, good, bad = (singular, *verb) if i % 2 else (plural, *verb[::-1])
        blimp.append({
            "sentence_good": f"The {adverb} {subject} {good}.", "sentence_bad": f"The {adverb} {subject} {bad}.", "UID": "agreement",
            "pairID": str(i)})
    blimp[2].update(sentence_good="Éva swims.", sentence_bad="Éva swim.")
    return {
        "hellaswag": ("hellaswag/hellaswag.yaml", hellaswag), "arc": ("arc/arc_easy.yaml", arc), "piqa": ("piqa/piqa.yaml", piqa),
        "winogrande": ("winogrande/default.yaml", winogrande), "lambada": ("lambada/lambada_openai.yaml", lambada),
        "blimp": ("blimp/_template_yaml", blimp)}


main()
