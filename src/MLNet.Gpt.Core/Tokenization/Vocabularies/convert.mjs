// Writes gpt2.tokens from the npm package "tiktoken": npm install tiktoken@1.0.22 && node <here>/convert.mjs
// Input:  bpe_ranks, lines of "! <first rank> <base64> <base64> ...", ranks counting up from the first.
// Output: the length of every token, one byte each, then the bytes of every token, both in the order of the ranks.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(process.cwd() + '/');
const { bpe_ranks } = JSON.parse(readFileSync(require.resolve('tiktoken/encoders/r50k_base.json'), 'utf8'));
const tokens = [];
for (const line of bpe_ranks.split('\n').filter(Boolean)) {
    const [, first, ...encoded] = line.split(' ');
    encoded.forEach((token, index) => { tokens[Number(first) + index] = Buffer.from(token, 'base64'); });
}

writeFileSync(
    new URL('gpt2.tokens', import.meta.url),
    Buffer.concat([Buffer.from(tokens.map(token => token.length)), ...tokens]));
console.log(`${tokens.length} tokens`);
