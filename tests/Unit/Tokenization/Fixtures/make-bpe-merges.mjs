// Lets Hugging Face's tokenizers learn a byte-level vocabulary from the novel, and records the merges in bpe-merges.txt:
//   npm install tokenizers@0.23.2 && node <here>/make-bpe-merges.mjs
// The trainer has its defaults: no minimum frequency, and merges until nothing is left to merge. Recorded are the first
// merges, and for each 256 of them the first 8 digits of the SHA-256 of their lines, because all would be 20 times as large.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

const { Tokenizer } = createRequire(process.cwd() + '/')('tokenizers');
const here = name => new URL(name, import.meta.url);
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
const tokenizer = Tokenizer.fromString(JSON.stringify({
    version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null, pre_tokenizer: byteLevel, post_processor: null,
    decoder: byteLevel,
    model: {
        type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false,
        byte_fallback: false, ignore_merges: false, vocab: {}, merges: [],
    },
}));
tokenizer.train([fileURLToPath(here('../../../../samples/Data/moby-dick.txt'))]);
const saved = tmpdir() + '/bpe-merges.json';
tokenizer.save(saved);
const lines = JSON.parse(readFileSync(saved, 'utf8')).model.merges.map(pair => pair.join(' ') + '\n');
const hashes = [];
for (let start = 0; start < lines.length; start += 256) {
    hashes.push(createHash('sha256').update(lines.slice(start, start + 256).join('')).digest('hex').slice(0, 8));
}

writeFileSync(here('bpe-merges.txt'), `${lines.length}\n${hashes.join(' ')}\n${lines.slice(0, 64).join('')}`);
