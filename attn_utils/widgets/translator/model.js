// The translator: a Transformer, encoder and decoder, as chapter 9 builds it, in plain JavaScript.
//
// A token is a list of d numbers, a sentence a list of tokens. What is said as `bug` is put in on
// purpose: bugs.py has the same ones.

import { sum } from "../frame/math.js";

export const START = 2; // what the decoder reads first
export const END = 3; // what it writes last
const EPSILON = 1e-5; // of a layer norm

/** @typedef {Float64Array} Vector a token, or what a head has of it */
/** @typedef {Record<string, Vector[]>} Parameters by name; a vector has one row */
/** @typedef {{ K: Vector[][], V: Vector[][] }} KeysValues of each head */
/** @typedef {{ outputs: Vector[], weights: number[][] }} Found weights by query and key */
/** @typedef {{ length: number, layers: KeysValues[] }} Cache of the words written so far */
/** @typedef {KeysValues[]} Memory of the source, by layer */

/** @param {string} text */
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;

/**
 * What packed.py has packed: each row of a matrix in whole numbers, times a scale of its own.
 * @param {any} content
 * @returns {Parameters}
 */
export function unpack({ shapes, whole, floats }) {
  const [numbers, scales] = [new Int8Array(bytes(whole)), new Float32Array(bytes(floats))];
  let [i, j] = [0, 0];
  /** @type {Parameters} */
  const parameters = {};
  for (const [name, rows, columns] of shapes) {
    const row = scales.slice(j, j + rows);
    j += rows;
    if (!columns) {
      parameters[name] = [Float64Array.from(row)];
      continue;
    }
    parameters[name] = Array.from(row, (scale) => {
      i += columns;
      const integers = numbers.subarray(i - columns, i);
      return Float64Array.from(integers, (number) => Math.fround(number * scale));
    });
  }
  return parameters;
}

/** @type {(a: Vector, b: Vector) => number} */
function dot(a, b) {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

/** @type {(a: Vector, b: Vector) => Vector} */
const plus = (a, b) => a.map((x, i) => x + b[i]);

/** @param {number[]} scores */
function softmax(scores) {
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - top));
  const total = sum(powers);
  return powers.map((power) => power / total);
}

/** Rows to columns. @param {number[][]} rows */
const turned = (rows) => rows[0].map((_, j) => rows.map((row) => row[j]));

/** @type {Vector[]} by place, as all translators have the same */
const positions = [];

/**
 * Sines and cosines in turn, from 1 radian a place to nearly a ten-thousandth.
 * @param {number} place
 * @param {number} d
 */
function position(place, d) {
  positions[place] ??= new Float64Array(d).map((_, f) => {
    const angle = place * 10000 ** -((f - (f % 2)) / d);
    return Math.fround(f % 2 ? Math.cos(angle) : Math.sin(angle));
  });
  return positions[place];
}

/**
 * Cut the features of tokens into shares, one for each head.
 * @param {Vector[]} tokens
 * @param {number} heads
 * @param {string} bug
 */
function split(tokens, heads, bug) {
  const f = tokens[0].length / heads; // features of a head
  const each = Array.from({ length: heads }, (_, h) => h);
  if (bug === "view") {
    const flat = Float64Array.from(tokens.flatMap((token) => [...token]));
    const row = (/** @type {number} */ i) => flat.subarray(i * f, (i + 1) * f);
    return each.map((h) => tokens.map((_, i) => row(h * tokens.length + i)));
  }
  return each.map((h) => tokens.map((token) => token.subarray(h * f, (h + 1) * f)));
}

/**
 * One head: compare queries with keys, turn scores into weights, average the values.
 * @param {Vector[]} Q
 * @param {Vector[]} K
 * @param {Vector[]} V
 * @param {string} bug
 * @returns {Found}
 */
export function attend(Q, K, V, bug) {
  const scores = Q.map((q) => K.map((k) => dot(q, k) / Math.sqrt(q.length)));
  const weights =
    bug === "over queries"
      ? turned(turned(scores).map(softmax))
      : scores.map((row) => softmax(row));
  const outputs = weights.map((row) => {
    const output = new Float64Array(V[0].length);
    row.forEach((weight, j) => {
      for (let f = 0; f < output.length; f++) output[f] += weight * V[j][f];
    });
    return output;
  });
  return { outputs, weights };
}

/**
 * A Transformer with the parameters that `unpack` gives, and a bug or "none".
 * @param {any} content
 * @param {Parameters} parameters
 * @param {string} bug
 */
export function transformer(content, parameters, bug) {
  const { d, heads, layers } = content;

  /** @type {(name: string, tokens: Vector[]) => Vector[]} */
  function linear(name, tokens) {
    const W = parameters[`${name}.weight`];
    const [b] = parameters[`${name}.bias`];
    return tokens.map((x) => {
      const y = new Float64Array(b.length);
      for (let i = 0; i < y.length; i++) y[i] = dot(W[i], x) + b[i];
      return y;
    });
  }

  /** @type {(name: string, tokens: Vector[]) => Vector[]} */
  function layerNorm(name, tokens) {
    if (bug === "no norm") return tokens;
    const [[gain], [bias]] = [parameters[`${name}.weight`], parameters[`${name}.bias`]];
    return tokens.map((x) => {
      const middle = x.reduce((total, feature) => total + feature) / d;
      const centered = x.map((feature) => feature - middle);
      const spread = Math.sqrt(dot(centered, centered) / d + EPSILON);
      return centered.map((feature, i) => (feature / spread) * gain[i] + bias[i]);
    });
  }

  /**
   * A residual: tokens plus what was found for them.
   * @type {(x: Vector[], found: Vector[]) => Vector[]}
   */
  const add = (tokens, found) =>
    bug === "no residual" ? found : tokens.map((x, i) => plus(x, found[i]));

  /** @type {(side: string, words: number[], first: number) => Vector[]} */
  function embed(side, words, first) {
    const E = parameters[`${side}_embedding.weight`];
    const size = bug === "no root d" ? 1 : Math.sqrt(d);
    return words.map((word, i) => {
      const x = E[word].map((feature) => feature * size);
      if (bug === "no positions") return x;
      return plus(x, position(bug === "position 0" && side === "target" ? 0 : first + i, d));
    });
  }

  /** Keys and values of each head. @type {(name: string, tokens: Vector[]) => KeysValues} */
  const prepare = (name, tokens) => ({
    K: split(linear(`${name}.W_k`, tokens), heads, bug),
    V: split(linear(`${name}.W_v`, tokens), heads, bug),
  });

  /**
   * All heads, each over its own queries, keys and values; W_o mixes them.
   * @type {(name: string, tokens: Vector[], prepared: KeysValues) =>
   *   { found: Vector[], weights: number[][][] }}
   */
  function multiHead(name, tokens, { K, V }) {
    const Q = split(linear(`${name}.W_q`, tokens), heads, bug);
    const found = Q.map((q, h) => attend(q, K[h], V[h], bug));
    const inOrder = bug === "reversed heads" ? [...found].reverse() : found;
    const merged = tokens.map((_, i) =>
      Float64Array.from(inOrder.flatMap(({ outputs }) => [...outputs[i]])),
    );
    return {
      found: linear(`${name}.W_o`, merged),
      weights: found.map(({ weights }) => weights),
    };
  }

  /**
   * The feed-forward network, with its norm and residual.
   * @type {(name: string, x: Vector[]) => Vector[]}
   */
  function think(name, x) {
    const hidden = linear(`${name}.feed_forward.W_1`, layerNorm(`${name}.feed_norm`, x));
    const active = hidden.map((token) => token.map((unit) => Math.max(0, unit)));
    return add(x, linear(`${name}.feed_forward.W_2`, active));
  }

  /**
   * The encoder: the tokens after each layer.
   * @param {number[]} words
   */
  function encode(words) {
    const after = [embed("source", words, 0)];
    for (let i = 0; i < layers; i++) {
      const name = `encoder.layers.${i}`;
      let [x] = after.slice(-1);
      const y = layerNorm(`${name}.self_norm`, x);
      const look = multiHead(`${name}.self_attention`, y, prepare(`${name}.self_attention`, y));
      x = add(x, look.found);
      after.push(think(name, x));
    }
    return { after, states: layerNorm("encoder.norm", after[layers]) };
  }

  /**
   * Read the source: what cross-attention of each layer needs of it, projected once, and a cache
   * of no words.
   * @param {number[]} words
   * @returns {{ memory: Memory, cache: Cache }}
   */
  function start(words) {
    const { states } = encode(words);
    const memory = Array.from({ length: layers }, (_, i) => {
      const { K, V } = prepare(`decoder.layers.${i}.cross_attention`, states);
      return bug === "swapped" ? { K: V, V: K } : { K, V };
    });
    const empty = Array.from({ length: heads }, () => []);
    const cache = memory.map(() => ({ K: empty, V: empty }));
    return { memory, cache: { length: 0, layers: cache } };
  }

  /**
   * Read one more word of the target: the token after each layer and after the last norm, the cache
   * with it, and the weights of cross-attention by layer and head.
   * @param {number} word
   * @param {Memory} memory
   * @param {Cache} cache
   */
  function step(word, memory, cache) {
    const after = [embed("target", [word], cache.length)];
    /** @type {KeysValues[]} */
    const kept = [];
    const weights = memory.map((source, i) => {
      const name = `decoder.layers.${i}`;
      let [x] = after.slice(-1);
      const y = layerNorm(`${name}.self_norm`, x);
      const now = prepare(`${name}.self_attention`, y);
      const past = cache.layers[i];
      /** @type {(before: Vector[][], here: Vector[][]) => Vector[][]} */
      const join = (before, here) =>
        bug === "only now" ? here : here.map((rows, h) => [...before[h], ...rows]);
      kept.push({ K: join(past.K, now.K), V: join(past.V, now.V) });
      x = add(x, multiHead(`${name}.self_attention`, y, kept[i]).found);
      const z = layerNorm(`${name}.cross_norm`, x);
      const cross = multiHead(`${name}.cross_attention`, z, source);
      after.push(think(name, add(x, cross.found)));
      return cross.weights.map(([row]) => row);
    });
    const [x] = layerNorm("decoder.norm", after[layers]);
    return { after, state: x, weights, cache: { length: cache.length + 1, layers: kept } };
  }

  /** A score for each word that may be next. @param {Vector} state */
  const logits = (state) =>
    parameters["target_embedding.weight"].map((vector) => dot(vector, state));
  return { encode, start, step, logits };
}

/** @typedef {ReturnType<typeof transformer>} Model */
