// Makes small vocabularies in the forms of several model families' tokenizer.json, trained here on the repository's texts, and
// records the ids of Hugging Face's tokenizers on the awkward texts of gpt2-ids.jsonl:
//   npm install tokenizers@0.23.2 && node <here>/make-family-ids.mjs [<folder for the ids themselves>]
// The ids are recorded as one hash per text, because they would be ten times as large as everything else here.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { Tokenizer } = createRequire(process.cwd() + '/')('tokenizers');
const here = name => new URL(name, import.meta.url);
const novel = readFileSync(here('../../../../samples/Data/moby-dick.txt'), 'utf8');
const programs = readFileSync(here('../../Fixtures/Texts/program-lines.txt'), 'utf8');
const awkward = readFileSync(here('gpt2-ids.jsonl'), 'utf8').trim().split('\n').map(line => {
    const units = JSON.parse(line).units.match(/.{4}/g) ?? [];
    return String.fromCharCode(...units.map(unit => parseInt(unit, 16))).toWellFormed();
});
const marks = ['<s>', '</s>', '<unk>', '<|begin|>', '<|end|>', '<think>', '<left>', '<right>', '<word>', '<0x41>', '\u2581', '\u2581\u2581'];
const between = ['', ' ', '  ', 'a', ' a ', '\n', "'s", '1', 'é', '醒', 'a_', '\t<', '>'];
const marked = marks.flatMap(mark => between.flatMap(before => between.map(after => 'x' + before + mark + after + mark + 'the')));
const texts = [...awkward, ...marked.filter((_, i) => i % 5 === 0), ...marks, ...between.map(each => '<|begin|>' + each + 'whale')];

// Without a token that llama.cpp makes special because of its name.
const corpus = [novel.slice(0, 200000), programs, ...awkward, ...awkward.map(text => ' ' + text)].join('\n').replaceAll('endoftext', '');

// Byte-level BPE spells bytes as these characters.
const spelled = [];
for (let value = 0, next = 256; value < 256; value++) {
    const isItself = (value >= 33 && value <= 126) || (value >= 161 && value <= 172) || value >= 174;
    spelled.push(String.fromCharCode(isItself ? value : next++));
}

// Plain BPE training: the most frequent pair, of equals the first in order of code units.
function train(pieces, alphabet, count) {
    const words = new Map();
    for (const piece of pieces) words.set(piece, (words.get(piece) ?? 0) + 1);
    const split = [...words].map(([piece, frequency]) => ({ symbols: [...piece].filter(each => alphabet.has(each)), frequency }));
    const merges = [], tokens = new Set(alphabet);
    while (merges.length < count) {
        const pairs = new Map();
        for (const { symbols, frequency } of split) {
            for (let i = 0; i + 1 < symbols.length; i++) {
                const key = symbols[i] + '\0' + symbols[i + 1];
                pairs.set(key, (pairs.get(key) ?? 0) + frequency);
            }
        }
        let best = null;
        for (const [key, frequency] of pairs) {
            if (!best || frequency > best[1] || (frequency === best[1] && key < best[0])) best = [key, frequency];
        }
        const [left, right] = best[0].split('\0');
        for (const word of split) {
            for (let i = 0; i + 1 < word.symbols.length; i++) {
                if (word.symbols[i] === left && word.symbols[i + 1] === right) word.symbols.splice(i, 2, left + right);
            }
        }
        if (!tokens.has(left + right)) tokens.add(left + right);
        merges.push([left, right]);
    }
    return { merges, tokens: [...tokens] };
}

const added = (id, content, settings = {}) =>
    ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...settings });

function save(name, json) {
    writeFileSync(here(`Families/${name}.json`), JSON.stringify({ version: '1.0', truncation: null, padding: null, ...json }) + '\n');
}

// Byte-level vocabularies.
const bytes = (useRegex, prefix = false) => ({ type: 'ByteLevel', add_prefix_space: prefix, trim_offsets: true, use_regex: useRegex });
const regex = pattern => ({ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false });
const modern = number => "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" + number
    + '| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const sequence = (...pretokenizers) => ({ type: 'Sequence', pretokenizers });
const families = {
    llama3: { split: sequence(regex(modern('\\p{N}{1,3}')), bytes(false)), ignoresMerges: true },
    qwen2: { split: sequence(regex(modern('\\p{N}')), bytes(false)), normalizer: { type: 'NFC' } },
    smollm: { split: sequence({ type: 'Digits', individual_digits: true }, bytes(true)) },
    gpt2prefix: { split: bytes(true, true) },
};
for (const [name, { split, normalizer = null, ignoresMerges = false }] of Object.entries(families)) {
    const model = { type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: '', end_of_word_suffix: '', fuse_unk: false, byte_fallback: false };
    const splitter = Tokenizer.fromString(JSON.stringify({
        version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer, pre_tokenizer: split, post_processor: null, decoder: null,
        model: { ...model, vocab: {}, merges: [] },
    }));
    const lines = corpus.split(/(?<=\n)/);
    const pieces = lines.flatMap(line => splitter.getPreTokenizer().preTokenizeString(normalizer ? line.normalize('NFC') : line).map(([piece]) => piece));
    const { merges, tokens } = train(pieces, new Set(spelled), 400);
    if (ignoresMerges) tokens.push('Ġwhale', 'Ġharpooneer', '!ĊĊ'); // tokens to which no merge leads
    const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
    const first = tokens.length;
    save(name, {
        added_tokens: [
            added(first, '<|begin|>'), added(first + 1, '<|end|>'), added(first + 2, '<think>', { special: false }),
            ...name === 'qwen2' ? [added(first + 3, '<left>', { lstrip: true }), added(first + 4, '<right>', { rstrip: true, special: false }), added(first + 5, '<word>', { single_word: true })] : [],
        ],
        normalizer, pre_tokenizer: split,
        post_processor: name !== 'llama3' ? bytes(true) : {
            type: 'TemplateProcessing',
            single: [{ SpecialToken: { id: '<|begin|>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
            pair: [{ SpecialToken: { id: '<|begin|>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '<|begin|>', type_id: 1 } }, { Sequence: { id: 'B', type_id: 1 } }],
            special_tokens: { '<|begin|>': { id: '<|begin|>', ids: [first], tokens: ['<|begin|>'] } },
        },
        decoder: bytes(true),
        model: { ...model, ignore_merges: ignoresMerges, vocab, merges: name === 'llama3' ? merges.map(pair => pair.join(' ')) : merges },
    });
}

// Vocabularies like SentencePiece's: as transformers converts them, every way to make a token is a merge.
const space = '\u2581';
const replace = (from, to) => ({ type: 'Replace', pattern: { String: from }, content: to });
const strip = { type: 'Strip', content: ' ', start: 1, stop: 0 };
const scored = {
    llama2: { normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: space }, replace(' ', space)] }, strips: true },
    gemma: { normalizer: replace(' ', space), split: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false } },
    mistral: { normalizer: null, split: { type: 'Metaspace', replacement: space, prepend_scheme: 'first', split: false }, strips: true },
    metaspace: { normalizer: null, split: { type: 'Metaspace', replacement: space, prepend_scheme: 'always', split: true }, strips: true },
};
for (const [name, { normalizer, split = null, strips = false }] of Object.entries(scored)) {
    const pieces = corpus.replaceAll(' ', space).split(/(?<=[^\u2581])(?=\u2581)|(?=\n)|(?<=\n)/);
    const frequencies = new Map();
    for (const letter of corpus.slice(0, 300000).replaceAll(' ', space)) frequencies.set(letter, (frequencies.get(letter) ?? 0) + 1);
    const alphabet = new Set([...frequencies].filter(([letter, count]) => count > 3 && letter !== '\n').map(([letter]) => letter));
    const trained = train(pieces, alphabet, 400);
    const order = trained.merges.map(pair => pair.join(''));
    const tokens = ['<unk>', '<s>', '</s>', ...Array.from({ length: 256 }, (_, value) => `<0x${value.toString(16).toUpperCase().padStart(2, '0')}>`)];
    const ordinary = [...new Set(order), ...alphabet];
    if (name === 'gemma') ordinary.push('\n\n', '>' + space + '</'); // an added token, and one that spans two words
    tokens.push(...ordinary);
    const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
    if (name === 'gemma') order.push('>' + space + '</', space + '</');
    const known = new Set(ordinary);
    const merges = [];
    for (const token of new Set(order)) {
        const letters = [...token];
        for (let middle = 1; middle < letters.length; middle++) {
            const pair = [letters.slice(0, middle).join(''), letters.slice(middle).join('')];
            if (pair.every(part => known.has(part)) && known.has(token)) merges.push(pair);
        }
    }
    const first = tokens.length;
    save(name, {
        added_tokens: [
            added(0, '<unk>'), added(1, '<s>'), added(2, '</s>'), ...name === 'gemma' ? ['\n\n', space + space].map(text => added(vocab[text], text, { special: false })) : [],
            added(first, '<|begin|>'), added(first + 1, '<|end|>'), added(first + 2, '<think>', { special: false }),
        ],
        normalizer, pre_tokenizer: split,
        post_processor: {
            type: 'TemplateProcessing',
            single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
            pair: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '<s>', type_id: 1 } }, { Sequence: { id: 'B', type_id: 1 } }],
            special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
        },
        decoder: { type: 'Sequence', decoders: [replace(space, ' '), { type: 'ByteFallback' }, { type: 'Fuse' }, ...strips ? [strip] : []] },
        model: {
            type: 'BPE', dropout: null, unk_token: '<unk>', continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: true,
            byte_fallback: true, ignore_merges: false, vocab, merges,
        },
    });
}

const hash = ids => createHash('sha256').update(Buffer.from(Int32Array.from(ids).buffer)).digest('hex');
const record = { texts: texts.slice(awkward.length), families: {} };
for (const name of [...Object.keys(families), ...Object.keys(scored)]) {
    const tokenizer = Tokenizer.fromFile(here(`Families/${name}.json`).pathname);
    const encode = async text => (await tokenizer.encode(text, null, { addSpecialTokens: false })).getIds();
    const ids = [];
    for (const text of texts) ids.push(await encode(text));
    const whole = await encode(novel);
    record.families[name] = { novel: { count: whole.length, hash: hash(whole) }, hashes: ids.map(each => hash(each).slice(0, 8)).join('') };
    if (process.argv[2]) {
        mkdirSync(process.argv[2], { recursive: true });
        writeFileSync(`${process.argv[2]}/${name}.ids`, ids.map((each, i) => JSON.stringify({ text: texts[i], ids: each }) + '\n').join(''));
    }
    console.log(name, texts.length, whole.length);
}
writeFileSync(here('family-ids.json'), JSON.stringify(record, null, 1) + '\n');
