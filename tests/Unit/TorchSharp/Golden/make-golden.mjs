// Writes tiny.json next to it: logits, gradients and ten training losses of the tiny GPT-2, computed with TensorFlow.js, whose
// matrix products and automatic differentiation share nothing with libtorch's. To recreate it:
//   npm install @tensorflow/tfjs@4.22.0 && node make-golden.mjs
// The model is the book's (S. Raschka, "Build a Large Language Model (From Scratch)", chapter 4); weights and ids follow fixed formulas.
import { writeFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';

const B = 2, T = 16, V = 61, C = 32, nh = 4, hs = C / nh, L = 2;

function shapes(tied, bias) {
  const list = [['tok_emb.weight', [V, C]], ['pos_emb.weight', [T, C]]];
  for (let l = 0; l < L; l++) {
    const add = (name, shape) => list.push([`trf_blocks.${l}.${name}`, shape]);
    for (const name of ['W_query', 'W_key', 'W_value']) {
      add(`att.${name}.weight`, [C, C]);
      if (bias) add(`att.${name}.bias`, [C]);
    }
    add('att.out_proj.weight', [C, C]); add('att.out_proj.bias', [C]);
    add('ff.layers.0.weight', [4 * C, C]); add('ff.layers.0.bias', [4 * C]);
    add('ff.layers.2.weight', [C, 4 * C]); add('ff.layers.2.bias', [C]);
    for (const norm of ['norm1', 'norm2']) { add(`${norm}.scale`, [C]); add(`${norm}.shift`, [C]); }
  }
  list.push(['final_norm.scale', [C]], ['final_norm.shift', [C]]);
  if (!tied) list.push(['out_head.weight', [V, C]]);
  return list;
}

// Element i of the k-th weight: evenly spread over [-0.2, 0.2), around 1 for the scales of layer norms. Exact in any language.
const element = (name, k, i) => 0.4 * (((i * 7919 + k * 104729) % 1009) / 1009 - 0.5) + (name.endsWith('scale') ? 1 : 0);
const token = (b, t) => (17 * b + 7 * t * t + 3 * t) % V;

const linear = (x, w, b) => {
  const y = tf.matMul(x.reshape([-1, x.shape.at(-1)]), w, false, true).reshape([...x.shape.slice(0, -1), w.shape[0]]);
  return b ? y.add(b) : y;
};
const layerNorm = (x, scale, shift) => {
  const { mean, variance } = tf.moments(x, -1, true);
  return x.sub(mean).div(variance.add(1e-5).sqrt()).mul(scale).add(shift);
};
const gelu = x => x.mul(0.5).mul(x.add(x.pow(3).mul(0.044715)).mul(Math.sqrt(2 / Math.PI)).tanh().add(1));
const mask = tf.tensor(Array.from({ length: T * T }, (_, i) => (i % T > Math.floor(i / T) ? -1e30 : 0)), [T, T]);

function attention(x, p, name) {
  const heads = part => linear(x, p[`${name}.${part}.weight`], p[`${name}.${part}.bias`]).reshape([B, T, nh, hs]).transpose([0, 2, 1, 3]);
  const weights = tf.matMul(heads('W_query'), heads('W_key'), false, true).div(Math.sqrt(hs)).add(mask).softmax();
  const mixed = tf.matMul(weights, heads('W_value')).transpose([0, 2, 1, 3]).reshape([B, T, C]);
  return linear(mixed, p[`${name}.out_proj.weight`], p[`${name}.out_proj.bias`]);
}

function forward(p, ids) {
  let x = tf.gather(p['tok_emb.weight'], ids).add(p['pos_emb.weight']);
  for (let l = 0; l < L; l++) {
    const block = `trf_blocks.${l}`;
    x = x.add(attention(layerNorm(x, p[`${block}.norm1.scale`], p[`${block}.norm1.shift`]), p, `${block}.att`));
    const hidden = gelu(linear(layerNorm(x, p[`${block}.norm2.scale`], p[`${block}.norm2.shift`]), p[`${block}.ff.layers.0.weight`], p[`${block}.ff.layers.0.bias`]));
    x = x.add(linear(hidden, p[`${block}.ff.layers.2.weight`], p[`${block}.ff.layers.2.bias`]));
  }
  return linear(layerNorm(x, p['final_norm.scale'], p['final_norm.shift']), p['out_head.weight'] ?? p['tok_emb.weight']);
}

function golden(tied, bias) {
  const list = shapes(tied, bias), names = list.map(([name]) => name);
  const values = list.map(([name, shape], k) => Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => element(name, k, i)));
  const rows = Array.from({ length: B }, (_, b) => Array.from({ length: T + 1 }, (_, t) => token(b, t)));
  const ids = tf.tensor2d(rows.map(row => row.slice(0, T)), [B, T], 'int32'), targets = tf.tensor1d(rows.flatMap(row => row.slice(1)), 'int32');
  const tensors = () => values.map((value, k) => tf.tensor(value, list[k][1]));
  const named = all => Object.fromEntries(names.map((name, k) => [name, all[k]]));
  const loss = (...all) => {
    const logProbabilities = tf.logSoftmax(forward(named(all), ids).reshape([B * T, V]));
    return logProbabilities.mul(tf.oneHot(targets, V)).sum().neg().div(B * T);
  };
  const logits = forward(named(tensors()), ids).arraySync();

  // AdamW: Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019), algorithm 2.
  const [rate, beta1, beta2, epsilon, decay] = [1e-3, 0.9, 0.999, 1e-8, 0.1];
  const m = values.map(value => new Float64Array(value.length)), v = values.map(value => new Float64Array(value.length));
  const losses = [], gradients = {};
  for (let step = 1; step <= 10; step++) {
    const { value, grads } = tf.valueAndGrads(loss)(tensors());
    losses.push(value.arraySync());
    grads.forEach((grad, k) => {
      const g = grad.dataSync();
      if (step === 1) gradients[names[k]] = { first: g[0], middle: g[g.length >> 1], norm: Math.sqrt(g.reduce((sum, x) => sum + x * x, 0)) };
      values[k].forEach((w, i) => {
        m[k][i] = beta1 * m[k][i] + (1 - beta1) * g[i];
        v[k][i] = beta2 * v[k][i] + (1 - beta2) * g[i] * g[i];
        const update = m[k][i] / (1 - beta1 ** step) / (Math.sqrt(v[k][i] / (1 - beta2 ** step)) + epsilon);
        values[k][i] = w * (1 - rate * decay) - rate * update;
      });
    });
  }
  return { tied, bias, logits: [[0, 0], [0, 7], [1, 15]].map(([b, t]) => ({ row: b, position: t, values: logits[b][t] })), gradients, losses };
}

await tf.setBackend('cpu');
writeFileSync(new URL('tiny.json', import.meta.url), JSON.stringify([golden(true, true), golden(false, false)], null, 1) + '\n');
