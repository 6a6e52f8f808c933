// Writes r50k_base.tiktoken.br from the npm package "tiktoken": npm install tiktoken@1.0.22 && node convert.mjs
// Input:  bpe_ranks, lines of "! <first rank> <base64> <base64> ...", ranks counting up from the first.
// Output: one "<base64> <rank>" line per token, in the order of the ranks, compressed with Brotli.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { brotliCompressSync, constants } from 'node:zlib';

const require = createRequire(process.cwd() + '/');
const { bpe_ranks } = JSON.parse(readFileSync(require.resolve('tiktoken/encoders/r50k_base.json'), 'utf8'));
const lines = bpe_ranks.split('\n').filter(Boolean).flatMap(line => {
    const [, first, ...tokens] = line.split(' ');
    return tokens.map((token, index) => `${token} ${Number(first) + index}\n`);
});
const text = Buffer.from(lines.join(''));
const target = new URL('r50k_base.tiktoken.br', import.meta.url);
writeFileSync(target, brotliCompressSync(text, {
    params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_LGWIN]: 22,
        [constants.BROTLI_PARAM_SIZE_HINT]: text.length,
    },
}));
console.log(`${lines.length} tokens, ${text.length} bytes`);
