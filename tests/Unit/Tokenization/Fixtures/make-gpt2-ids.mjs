// Writes gpt2-ids.jsonl with the ids of two tokenizers that are not part of this project:
//   npm install tiktoken@1.0.22 gpt-tokenizer@4.0.0 && node <here>/make-gpt2-ids.mjs [<a longer text>]
// tiktoken is OpenAI's own Rust code as WebAssembly; its ids are the ones written. gpt-tokenizer is pure JavaScript and has
// to agree on literal text, except where its regular expressions differ by definition: JavaScript's \s includes U+FEFF and lacks
// U+0085. (Special tokens are tiktoken's alone: gpt-tokenizer 4.0.0 recognizes one only at the beginning of a search.)
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(process.cwd() + '/');
const { get_encoding } = require('tiktoken');
const javascript = require('gpt-tokenizer/encoding/r50k_base');
const tiktoken = get_encoding('r50k_base');

// xorshift32: the random texts are the same at every run.
let state = 20260101;
const random = limit => { state ^= state << 13; state ^= state >>> 17; state ^= state << 5; return (state >>> 0) % limit; };
const pick = list => list[random(list.length)];
const repeat = (count, make) => Array.from({ length: count }, make).join('');

const texts = [
    '', ' ', '  ', '   ', '\n', '\n\n', '\r\n', '\t', ' \t \n ', 'a', ' a', '  a', 'a ', 'a  ', ' a  b   c    d ', '\ta\t\tb', 'a\n\n\nb', ' \n a',
    ' '.repeat(1000), 'x' + ' '.repeat(257) + 'y', '\n'.repeat(300), '\t'.repeat(99) + 'end', ' \n'.repeat(100), 'a'.repeat(500), 'ab'.repeat(400), '='.repeat(333), '-'.repeat(97), '0'.repeat(200),
    'every effort moves you', 'Every effort moves you', ' effort moves you', 'I really like chocolate', 'Hello, world!', 'The quick brown fox jumps over the lazy dog.',
    "it's", "IT'S", "they're we've I'll he'd I'm don't", "'s't're've'm'll'd", "''s", " 's", "'S", "o'clock", "rock 'n' roll", "y'all'd've", 'it\u2019s they\u2019re', "'", "''", "'''", "' '", "'r", "'re", "'rx", "'v", "'l", "'ll'", "'lle",
    '1', '12', '123', '1234567890', '3.14159', '-1e-10', '1,234,567.89', '0x1F', 'a1b2c3', ' 1 2  3', '½ ¾ ²³', 'Ⅷ Ⅻ', '٠١٢٣', '०१२३', '一二三', '𝟘𝟙𝟚', '①②', 'x² + y²', '10€ £5 ¥7',
    'if (x == 0) { return; }', 'for (int i = 0; i < n; i++)\n{\n    total += values[i];\n}\n', 'def f(x):\n\treturn x ** 2\n', '<div class="a">&nbsp;</div>', 'SELECT * FROM t WHERE id=1;--', 'https://example.com/a?b=c&d=%20#e', 'C:\\dir\\file.txt', '#include <stdio.h>', '{"key": [1, 2.5, null, "\\u00e9"]}', '/* c */ // d', 'a->b::c<<d>>e', '$HOME/`pwd`', '@@@@', '!!!???...', '....', '… — – ‑', '«guillemets» „quotes“ ‚low‘',
    'café naïve Zürich Ångström', 'cafe\u0301 nai\u0308ve', 'ﬁ ﬂ ﬃ', 'ŁódźĄĘ', 'Ærø Øl', 'İstanbul ıI', 'ß ẞ', 'Привет, мир!', 'Ђ Ї Ў', 'Γειά σου Κόσμε', 'Հայերեն', 'საქართველო', 'ქარ',
    '你好，世界！', '中文字符 and English', '日本語のテキスト', 'カタカナ ひらがな', '한국어 텍스트', '㍿ ㎏', '繁體中文', '𠀀𠀁', '𠀚醒', '𠀖士', '𡀑士', '𠀶極', '𠀚醒𠀚醒', 'a𠀚醒', ' 𠀚醒', '𠮷野家', '𝒳!', '!𝒳', '𝕏𝕐 𝖟', 'x𝑦z', '𐍈𐌰', '𓀀𓂀', '𒀀', '👍𝒜', '𐀀1', '1𐀀', '𝟙a',
    'שלום עולם', 'مرحبا بالعالم', '\u202Eright to left\u202C', '\u200Fשלום\u200E abc', 'السَّلَامُ عَلَيْكُمْ', 'فارسی ۱۲۳', 'ދިވެހި', 'नमस्ते दुनिया', 'தமிழ்', 'ไทยไม่มีช่องว่าง', 'ພາສາລາວ', 'ខ្មែរ', 'မြန်မာ', 'བོད་ཡིག', 'አማርኛ', 'ᏣᎳᎩ', 'ᐃᓄᒃᑎᑐᑦ', 'Tiếng Việt', 'ᚠᚢᚦ',
    '😀', ' 😀', '😀😀😀', 'a😀b', '👍🏽', '👨‍👩‍👧‍👦', '🏳️‍🌈', '🇩🇪🇫🇷', '❤️', '☎️ ☺', '🤷🏾‍♀️ shrug', '🙂'.repeat(50), '⌚️1️⃣', '🧑‍💻🧬🦠', '✓✔✗', '←↑→↓', '∀x∈ℝ: ⌈x⌉ = −⌊−x⌋', '░▒▓█', '┌─┐│└┘', '♔♕♖',
    '\0', 'a\0b', '\0\0\0', '\u0001\u0002\u0003', '\u001b[31mred\u001b[0m', '\u007f', '\u0080\u009f', 'a\u0085b', '\u00a0', 'a\u00a0b', '\u00a0 a', '\u00ad', '\u200b', 'a\u200bb', '\u200d', '\u2028\u2029', '\u3000', 'a\u3000b', '\u2000\u2001\u200a', '\u202f', '\u205f', '\u1680', '\u180e', '\ufeff', '\ufeffa', 'a \ufeff b', '\ufffd', '\ufffe', '\uffff', '\ue000', '\u{10ffff}', '\u{f0000}', '\v\f', '\x1c\x1d\x1e\x1f', 'a\x1cb', ' \x1f ',
    '\ud800', '\udc00', 'a\ud800', '\ud800a', 'a\udc00b', '\ud83d', '\ude00', '\ude00\ud83d', '\ud83d\ud83d\ude00', ' \ud800 ', '\ud800\ud800', 'é\udfff1',
    'Zalgo: Z\u0351\u036b\u0343a\u0334\u0300l\u0321g\u0338o\u0322', 'a\u0300\u0301\u0302', '\u0300', ' \u0301', 'ＦＵＬＬ　ｗｉｄｔｈ', 'ʰʷʲ', 'ªº', '\u02bc', 'ǅ ǈ', 'ⅷ', 'ℵℶ', '㊗', '℃', '™®©',
    ' SolidGoldMagikarp', ' petertodd', 'rawdownloadcloneembedreportprint', 'ÃÂÃÂÃÂÃÂ', ' --------------------------------------------------', '________________________________________________________________',
    '<|endoftext|>', 'a<|endoftext|>b', 'a <|endoftext|> b', '<|endoftext|><|endoftext|>', ' <|endoftext|>', '<|endoftext|> ', '<|endoftext', '|endoftext|>', '<|ENDOFTEXT|>', '<<|endoftext|>>', 'it\'<|endoftext|>s', 'x  <|endoftext|>  y', '<|endoftext|\0>', '<| endoftext |>', '<|fim_prefix|>', '<|im_start|>',
];

const alphabets = [
    [...' \n\t\r'], [...'abcdefghijklmnopqrstuvwxyz '], [..."aeiou'strevmld "], [...'0123456789.,- '], [...'{}()[]<>;:=+-*/&|!?#@$%^~\\"\'` \n'], [...'éèêëàâäôöùûüçñßøåæ '],
    [...'的一是不了人我在有他这中大来上国个到说们 '], [...'あいうえおかきくけこアイウエオ、。'], [...'가나다라마바사 '], [...'абвгдежзийклмнопрст '], [...'אבגדהוזחט '], [...'ابتثجحخد '], [...'कखगघङचछ ा ि ी'],
    [...'😀😁😂🤣😃👍🏽🏻🧬❤️ '], [...'𝒳𝓎𝔷𠀀𠀚醒士極𝟙𐍈 '], ['\u00a0', '\u3000', '\u2003', ' ', 'a', '\n'], ['\u0000', '\u0007', '\u001f', '\u007f', '\u200b', '\u200d', '\u202e', ' ', 'z'],
    ['\ud800', '\udfff', 'a', ' ', '😀', '醒'], ['<|endoftext|>', '<|', '|>', 'endoftext', ' ', 'a', "'s"], ['the', ' The', ' of', 'ing', ' ', '  ', '\n\n', ', ', '. ', '"', 'Ahab', "'s", '—'],
];
for (const alphabet of alphabets) for (let i = 0; i < 12; i++) texts.push(repeat(1 + random(40), () => pick(alphabet)));
for (let i = 0; i < 60; i++) texts.push(repeat(1 + random(12), () => repeat(1 + random(6), (alphabet => () => pick(alphabet))(pick(alphabets)))));

const differsByDefinition = text => /[\ufeff\u0085]/.test(text);
let different = 0;
const lines = texts.map(text => {
    const ids = [...tiktoken.encode(text, 'all')], literal = [...tiktoken.encode(text, [], [])];
    if (!differsByDefinition(text)) {
        const other = javascript.encode(text, { disallowedSpecial: new Set() });
        if (literal.join() !== other.join()) {
            different++;
            console.error(JSON.stringify(text), literal.join(' '), '|', other.join(' '));
        }
    }

    // UTF-16 code units in hexadecimal, because JSON readers may refuse a lone surrogate.
    const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i).toString(16).padStart(4, '0')).join('');
    return JSON.stringify(literal.join() === ids.join() ? { units, ids } : { units, ids, literal }) + '\n';
});
writeFileSync(new URL('gpt2-ids.jsonl', import.meta.url), lines.join(''));
console.log(`${texts.length} texts, ${different} on which the two tokenizers differ`);

for (const path of process.argv.slice(2)) {
    const ids = [...tiktoken.encode(readFileSync(path, 'utf8'), 'all')];
    const hash = createHash('sha256').update(Buffer.from(Int32Array.from(ids).buffer)).digest('hex');
    console.log(`${path}: ${ids.length} ids, SHA-256 of them as little-endian int32 ${hash}`);
}
