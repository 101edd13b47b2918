#!/usr/bin/python3
"""Write a GGUF of a model's TRUE shape with random quantized weights and a real tokenizer.

Speed, memory and offload do not depend on the weights' values, so a peer and the project
can be timed on the same file without the published checkpoint.

  make_synthetic_gguf.py ARCH OUT.gguf --tokenizer tokenizer.json [--quant Q4_K_M|Q4_0|Q8_0|Q6_K|BF16] [--layers N] [--router uniform|zipf:S]
  ARCH: qwen3-4b | qwen3-coder-30b | qwen3-vl-2b | glm-4.7-flash | tiny | tiny-moe

A copy of shared/bench/make_synthetic_gguf.py, with --router and tiny-moe; without them the files are the same bytes. What random weights choose is by
chance: the stream of all tokens has a common direction, so that from the second layer on a third of the experts have nearly all the tokens. With
zipf:S an expert's popularity falls about as rank^-S, in an order of its own in each layer, in every engine; uniform is zipf:0. Channel 0 of the residual
stream is one constant for all tokens (the embeddings hold it, and nothing writes to it: row 0 of all matrices that write to the stream is zero),
so column 0 of a router is a bias. The embeddings are larger than usual, so that the rest of the stream, which is the router's noise, is mostly the
token's own and grows little from layer to layer. Neither changes what an engine has to read or multiply.
"""
import argparse, json, struct, sys
import numpy as np

F32, F16, Q4_0, Q8_0, Q4_K, Q5_K, Q6_K, BF16 = 0, 1, 2, 8, 12, 13, 14, 30
BLOCK = {F32: (1, 4), F16: (1, 2), BF16: (1, 2), Q4_0: (32, 18), Q8_0: (32, 34),
         Q4_K: (256, 144), Q5_K: (256, 176), Q6_K: (256, 210)}
U32, I32, F32T, BOOL, STR, ARR, U64 = 4, 5, 6, 7, 8, 9, 10
rng = np.random.default_rng(7)

def f16b(x): return np.float16(x).tobytes()

def pool(t, blocks=1 << 16):
    """A pool of random valid blocks of type t."""
    n, size = BLOCK[t]
    raw = rng.integers(0, 256, (blocks, size), dtype=np.uint8)
    d = lambda v: np.frombuffer(f16b(v), np.uint8)
    if t == Q4_0: raw[:, 0:2] = d(0.004)
    elif t == Q8_0: raw[:, 0:2] = d(0.0003)
    elif t in (Q4_K, Q5_K): raw[:, 0:2] = d(0.00012); raw[:, 2:4] = d(0.0009)
    elif t == Q6_K: raw[:, 208:210] = d(0.00002)
    elif t == F32: raw = (rng.standard_normal((blocks, 1)) * 0.02).astype(np.float32).view(np.uint8)
    elif t == F16: raw = (rng.standard_normal((blocks, 1)) * 0.02).astype(np.float16).view(np.uint8)
    elif t == BF16:
        f = (rng.standard_normal((blocks, 1)) * 0.02).astype(np.float32).view(np.uint32)
        raw = (f >> 16).astype(np.uint16).view(np.uint8)
    return raw.tobytes()

POOLS = {}
def random_bytes(t, nbytes):
    p = POOLS.setdefault(t, pool(t)); n, size = BLOCK[t]
    while nbytes > 0:
        off = int(rng.integers(0, len(p) // size // 2)) * size
        chunk = p[off:off + nbytes]
        yield chunk; nbytes -= len(chunk)

# ---- --router zipf:S: see above ----
LARGER = 256                                   # embeddings, than without
ROUTER_STD = 0.02                              # of the router's weights in pool()
# Bias a unit of ln(rank), in standard deviations of the noise, which is normal: fitted to draws of 4 of 64 and 8 of 128 by weights rank^-S without
# putting back, S from 0.5 to 1.5; the shares of the first n experts are those of such draws within 4 hundredths.
BIAS = 0.585
# per type: (root mean square of random values in units of d, the constant in the same units); float types have d = 1
CONSTANT = {Q6_K: (np.sqrt(np.mean(np.arange(-128, 128) ** 2.)) * np.sqrt(np.mean(np.arange(-32, 32) ** 2.)), 127 * 31.),
            Q8_0: (np.sqrt(np.mean(np.arange(-128, 128) ** 2.)), 127.), F16: (0.02, 0.0625), BF16: (0.02, 0.0625)}

def embedding_bytes(t, ne):
    """Rows of random values, LARGER times as large as pool()'s, whose first is the constant."""
    n, size = BLOCK[t]; row = ne[0] // n * size
    for first in range(0, ne[1], 4096):
        rows = min(4096, ne[1] - first)
        raw = np.frombuffer(b''.join(random_bytes(t, rows * row)), np.uint8).copy().reshape(rows, -1, size)
        if t == Q6_K:                          # 6 bits of the first value: 63 - 32, times the first scale
            raw[:, 0, 0] |= 15; raw[:, 0, 128] |= 3; raw[:, 0, 192] = 127
            raw[:, :, 208:210] = np.frombuffer(f16b(LARGER * 0.00002), np.uint8)
        elif t == Q8_0:
            raw[:, 0, 2] = 127
            raw[:, :, 0:2] = np.frombuffer(f16b(LARGER * 0.0003), np.uint8)
        elif t in (F16, BF16):
            v = raw.reshape(rows, -1)
            f = v.view(np.float16).astype(np.float32) if t == F16 else (v.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
            f = f * LARGER; f[:, 0] = LARGER * CONSTANT[t][1]
            raw = f.astype(np.float16).view(np.uint8) if t == F16 else (f.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
        else: raise SystemExit(f'--router zipf: no constant in embeddings of type {t}')
        yield raw.tobytes()

def writes_to_stream(name):
    return name.endswith(('attn_output.weight', 'ffn_down.weight', 'ffn_down_exps.weight', 'ffn_down_shexp.weight'))

def output_bytes(t, ne):
    """Random values with row 0 of each matrix zero (blocks of zero bytes are zero in every type here)."""
    n, size = BLOCK[t]; row = ne[0] // n * size
    for _ in range(int(np.prod(ne[2:]))):
        yield bytes(row)
        yield from random_bytes(t, row * (ne[1] - 1))

def router_bytes(ne, exponent, embedding):
    """[experts, embd] float32: random, and in column 0 what makes the noise of the others a choice by rank^-exponent."""
    w = (rng.standard_normal((ne[1], ne[0])) * ROUTER_STD).astype(np.float32)
    spread, constant = CONSTANT[embedding]
    bias = -exponent * np.log(1 + rng.permutation(ne[1]))
    w[:, 0] = (bias - bias.mean()) * ROUTER_STD * np.sqrt(ne[0]) * spread / constant * BIAS
    return [w.tobytes()]

def s(x):
    b = x.encode('utf-8', 'surrogatepass') if isinstance(x, str) else x
    return struct.pack('<Q', len(b)) + b

def kv(key, val):
    out = s(key)
    if isinstance(val, bool): return out + struct.pack('<I?', BOOL, val)
    if isinstance(val, int): return out + struct.pack('<II', U32, val)
    if isinstance(val, float): return out + struct.pack('<If', F32T, val)
    if isinstance(val, str): return out + struct.pack('<I', STR) + s(val)
    if isinstance(val, list):
        if isinstance(val[0], str): return out + struct.pack('<IIQ', ARR, STR, len(val)) + b''.join(map(s, val))
        return out + struct.pack('<IIQ', ARR, I32, len(val)) + np.array(val, np.int32).tobytes()
    raise TypeError(type(val))

DENSE = dict(
    **{'qwen3-4b': dict(arch='qwen3', layers=36, embd=2560, heads=32, kvh=8, hd=128, ff=9728, vocab=151936, theta=5e6, ctx=262144, tied=True)},
    **{'qwen3-vl-2b': dict(arch='qwen3vl', layers=28, embd=2048, heads=16, kvh=8, hd=128, ff=6144, vocab=151936, theta=5e6, ctx=262144, tied=True, mrope=[24, 20, 20, 0], deepstack=3)},
    **{'qwen3-coder-30b': dict(arch='qwen3moe', layers=48, embd=2048, heads=32, kvh=4, hd=128, ff=6144, vocab=151936, theta=1e7, ctx=262144, tied=False, experts=128, used=8, ffe=768)},
    **{'glm-4.7-flash': dict(arch='deepseek2', layers=47, embd=2048, heads=20, kvh=20, ff=10240, vocab=154880, theta=1e6, ctx=202752, tied=False, experts=64, used=4, ffe=1536, shared=1, dense_lead=1,
        q_lora=768, kv_lora=512, rope=64, nope=192, v=256, scale=1.8)},
    **{'tiny': dict(arch='qwen3', layers=2, embd=512, heads=8, kvh=2, hd=64, ff=1536, vocab=151936, theta=5e6, ctx=4096, tied=True)},
    **{'tiny-moe': dict(arch='qwen3moe', layers=2, embd=512, heads=8, kvh=2, hd=64, ff=1536, vocab=151936, theta=5e6, ctx=4096, tied=False, experts=64, used=4, ffe=256)},
)

def mix(quant, layer, layers):
    """(default, attn_v/ffn_down, embd/output) types in the manner of llama.cpp's *_K_M recipes."""
    if quant == 'Q4_K_M':
        more = layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2
        return Q4_K, (Q6_K if more else Q4_K), Q6_K
    t = {'Q4_0': Q4_0, 'Q8_0': Q8_0, 'Q6_K': Q6_K, 'BF16': BF16, 'F16': F16, 'Q4_K': Q4_K}[quant]
    return t, t, {Q4_0: Q6_K, Q4_K: Q6_K}.get(t, t)

def tensors(c, quant):
    L, E = c['layers'], c['embd']; base, _, big = mix(quant, 0, L)
    yield 'token_embd.weight', [E, c['vocab']], big
    if not c['tied']: yield 'output.weight', [E, c['vocab']], big
    yield 'output_norm.weight', [E], F32
    for i in range(L):
        t, hi, _ = mix(quant, i, L); b = f'blk.{i}.'
        yield b + 'attn_norm.weight', [E], F32
        yield b + 'ffn_norm.weight', [E], F32
        if c['arch'] == 'deepseek2':
            H, qk = c['heads'], c['nope'] + c['rope']
            yield b + 'attn_q_a.weight', [E, c['q_lora']], t
            yield b + 'attn_q_a_norm.weight', [c['q_lora']], F32
            yield b + 'attn_q_b.weight', [c['q_lora'], H * qk], t
            yield b + 'attn_kv_a_mqa.weight', [E, c['kv_lora'] + c['rope']], t
            yield b + 'attn_kv_a_norm.weight', [c['kv_lora']], F32
            yield b + 'attn_k_b.weight', [c['nope'], c['kv_lora'], H], Q8_0
            yield b + 'attn_v_b.weight', [c['kv_lora'], c['v'], H], Q8_0
            yield b + 'attn_output.weight', [H * c['v'], E], t
        else:
            H, K, D = c['heads'], c['kvh'], c['hd']
            yield b + 'attn_q.weight', [E, H * D], t
            yield b + 'attn_k.weight', [E, K * D], t
            yield b + 'attn_v.weight', [E, K * D], hi
            yield b + 'attn_output.weight', [H * D, E], t
            yield b + 'attn_q_norm.weight', [D], F32
            yield b + 'attn_k_norm.weight', [D], F32
        if c.get('experts') and i >= c.get('dense_lead', 0):
            X, F = c['experts'], c['ffe']
            yield b + 'ffn_gate_inp.weight', [E, X], F32
            if c['arch'] == 'deepseek2': yield b + 'exp_probs_b.bias', [X], F32
            yield b + 'ffn_gate_exps.weight', [E, F, X], t
            yield b + 'ffn_up_exps.weight', [E, F, X], t
            yield b + 'ffn_down_exps.weight', [F, E, X], hi
            if c.get('shared'):
                yield b + 'ffn_gate_shexp.weight', [E, F * c['shared']], t
                yield b + 'ffn_up_shexp.weight', [E, F * c['shared']], t
                yield b + 'ffn_down_shexp.weight', [F * c['shared'], E], hi
        else:
            yield b + 'ffn_gate.weight', [E, c['ff']], t
            yield b + 'ffn_up.weight', [E, c['ff']], t
            yield b + 'ffn_down.weight', [c['ff'], E], hi

def metadata(name, c, tok):
    a = c['arch']; j = json.load(open(tok))
    vocab = {v: k for k, v in j['model']['vocab'].items()}
    types = {}
    for t in j['added_tokens']: vocab[t['id']] = t['content']; types[t['id']] = 3 if t['special'] else 4
    toks = [vocab.get(i, f'[PAD{i}]') for i in range(c['vocab'])]
    ttypes = [types.get(i, 1 if i in vocab else 5) for i in range(c['vocab'])]
    merges = [m if isinstance(m, str) else ' '.join(m) for m in j['model']['merges']]
    m = {'general.architecture': a, 'general.name': 'synthetic-' + name, 'general.file_type': 15,
         f'{a}.block_count': c['layers'], f'{a}.context_length': c['ctx'], f'{a}.embedding_length': c['embd'],
         f'{a}.feed_forward_length': c['ff'], f'{a}.attention.head_count': c['heads'],
         f'{a}.rope.freq_base': float(c['theta']),
         f'{a}.attention.layer_norm_rms_epsilon': 1e-5 if a == 'deepseek2' else 1e-6}
    if a == 'deepseek2':
        m |= {f'{a}.attention.head_count_kv': 1, f'{a}.attention.q_lora_rank': c['q_lora'], f'{a}.attention.kv_lora_rank': c['kv_lora'],
              f'{a}.attention.key_length': c['kv_lora'] + c['rope'], f'{a}.attention.value_length': c['kv_lora'],
              f'{a}.attention.key_length_mla': c['nope'] + c['rope'], f'{a}.attention.value_length_mla': c['v'],
              f'{a}.rope.dimension_count': c['rope'], f'{a}.leading_dense_block_count': c['dense_lead'],
              f'{a}.expert_shared_count': c['shared'], f'{a}.expert_weights_scale': c['scale'], f'{a}.expert_weights_norm': True,
              f'{a}.expert_gating_func': 2, f'{a}.vocab_size': c['vocab']}
    else:
        m |= {f'{a}.attention.head_count_kv': c['kvh'], f'{a}.attention.key_length': c['hd'], f'{a}.attention.value_length': c['hd']}
    if c.get('experts'):
        m |= {f'{a}.expert_count': c['experts'], f'{a}.expert_used_count': c['used'], f'{a}.expert_feed_forward_length': c['ffe']}
    if c.get('mrope'): m |= {f'{a}.rope.dimension_sections': c['mrope'], f'{a}.n_deepstack_layers': c['deepstack']}
    m |= {'tokenizer.ggml.model': 'gpt2', 'tokenizer.ggml.pre': 'qwen2', 'tokenizer.ggml.tokens': toks, 'tokenizer.ggml.token_type': ttypes,
          'tokenizer.ggml.merges': merges, 'tokenizer.ggml.eos_token_id': 151645, 'tokenizer.ggml.padding_token_id': 151643,
          'tokenizer.ggml.bos_token_id': 151643, 'tokenizer.ggml.add_bos_token': False, 'general.quantization_version': 2}
    return m

def main():
    p = argparse.ArgumentParser(); p.add_argument('arch', choices=DENSE); p.add_argument('out')
    p.add_argument('--tokenizer', required=True); p.add_argument('--quant', default='Q4_K_M'); p.add_argument('--layers', type=int); p.add_argument('--router')
    o = p.parse_args(); c = dict(DENSE[o.arch])
    if o.layers: c['layers'] = o.layers
    zipf = None
    if o.router:
        try: zipf = 0. if o.router == 'uniform' else float(o.router.removeprefix('zipf:')) if o.router.startswith('zipf:') else -1.
        except ValueError: zipf = -1.
        if not 0 <= zipf <= 8: raise SystemExit(f'--router: expected uniform or zipf:S with S from 0 to 8, found {o.router}')
        if not c.get('experts'): raise SystemExit(f'--router: expected a mixture of experts, found {o.arch}')
    embedding = mix(o.quant, 0, c['layers'])[2]
    meta = metadata(o.arch, c, o.tokenizer); ts = list(tensors(c, o.quant)); infos, off = b'', 0; sizes = []
    for name, ne, t in ts:
        n, size = BLOCK[t]; nb = int(np.prod(ne)) // n * size
        if ne[0] % n: raise SystemExit(f'{name}: {ne[0]} is not a multiple of {n}')
        infos += s(name) + struct.pack('<I', len(ne)) + struct.pack(f'<{len(ne)}Q', *ne) + struct.pack('<IQ', t, off)
        sizes.append(nb); off += (nb + 31) // 32 * 32
    head = b'GGUF' + struct.pack('<IQQ', 3, len(ts), len(meta)) + b''.join(kv(k, v) for k, v in meta.items()) + infos
    with open(o.out, 'wb') as f:
        f.write(head); f.write(b'\0' * (-len(head) % 32))
        for (name, ne, t), nb in zip(ts, sizes):
            if name.endswith('norm.weight'): f.write(np.ones(nb // 4, np.float32).tobytes())
            elif zipf is not None and (name == 'token_embd.weight' or writes_to_stream(name) or name.endswith(('ffn_gate_inp.weight', 'exp_probs_b.bias'))):
                parts = embedding_bytes(t, ne) if name == 'token_embd.weight' else output_bytes(t, ne) if writes_to_stream(name) else \
                    router_bytes(ne, zipf, embedding) if name.endswith('ffn_gate_inp.weight') else [bytes(nb)]
                f.writelines(parts)
            else:
                for chunk in random_bytes(t, nb): f.write(chunk)
            f.write(b'\0' * (-nb % 32))
    print(o.out, f'{off / 2**30:.2f} GiB, {len(ts)} tensors')

main()
