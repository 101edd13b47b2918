// The table of an instruction set, from the bodies. Included inside the anonymous namespace, last.

template <class F>
constexpr QuantKernels quant_kernels() {
  QuantKernels k{};
  k.decode = &decode<F>;
  k.gemv = &gemv<F>;
#ifdef PIO_CPU_GEMM
  constexpr int offset = F::kSigned ? kSignedOffset : F::kOffset;
  constexpr int max_raw = F::kMaxRaw <= 15 ? 15 : F::kMaxRaw <= 31 ? 31 : F::kMaxRaw <= 63 ? 63 : 255;  // fewer instances
  k.pack = &pack<F>;
  k.gemm[0] = &gemm<kGemmColumns[0], F::kGroup, F::kMins, offset != 0, F::kSigned, max_raw>;
  k.gemm[1] = &gemm<kGemmColumns[1], F::kGroup, F::kMins, offset != 0, F::kSigned, max_raw>;
  k.gemm[2] = &gemm<kGemmColumns[2], F::kGroup, F::kMins, offset != 0, F::kSigned, max_raw>;
  k.offset = offset;
  if constexpr (F::kBits > 0) {
    k.line_bytes = &Lanes<F>::line_bytes;
    k.place = &lanes_place<F>;
    k.gemv_lines[0] = &lanes_gemv<F, 1>;
    k.gemv_lines[1] = &lanes_gemv<F, 2>;
    k.gemm_lines[0] = &lanes_gemm<F, kGemmColumns[0]>;
    k.gemm_lines[1] = &lanes_gemm<F, kGemmColumns[1]>;
    k.gemm_lines[2] = &lanes_gemm<F, kGemmColumns[2]>;
    k.pack_line = &lanes_pack<F>;
    k.decode_line = &lanes_decode<F>;
  }
#endif
  k.group = F::kGroup;
  return k;
}

constexpr CpuKernels make_table(const char* name) {
  CpuKernels t{};
  t.name = name;
#ifdef PIO_CPU_GEMM
  t.gemm_lanes = kGemmRows;
  t.gemm_min_tokens = kGemmMinTokens;
  for (int i = 0; i < kGemmWidths; ++i) t.gemm_columns[i] = kGemmColumns[i];
  t.pack_panel = &pack_panel;
#endif
  t.q4_0 = quant_kernels<Q4_0>();
  t.q4_1 = quant_kernels<Q4_1>();
  t.q5_0 = quant_kernels<Q5_0>();
  t.q5_1 = quant_kernels<Q5_1>();
  t.q8_0 = quant_kernels<Q8_0>();
  t.q2_k = quant_kernels<Q2_K>();
  t.q3_k = quant_kernels<Q3_K>();
  t.q4_k = quant_kernels<Q4_K>();
  t.q5_k = quant_kernels<Q5_K>();
  t.q6_k = quant_kernels<Q6_K>();
  t.iq4_nl = quant_kernels<IQ4_NL>();
  t.iq4_xs = quant_kernels<IQ4_XS>();
  t.mxfp4 = quant_kernels<MXFP4>();
  t.decode_f16 = &decode_half<F16>;
  t.decode_bf16 = &decode_half<BF16>;
  t.encode_f16 = &encode_f16;
  t.matmul_f32 = &matmul_f32;
  t.matmul_f32_transposed = &matmul_f32_transposed;
  t.gemv_f16 = &gemv_half<F16>;
  t.gemv_bf16 = &gemv_half<BF16>;
  t.quantize_q8 = &quantize_q8;
  t.rms_norm = &rms_norm;
  t.layer_norm = &layer_norm;
  t.add = &add;
  t.add_scaled = &add_scaled;
  t.glu = &glu;
  t.gelu_tanh = &gelu_tanh;
  t.rope_half = &rope_half;
  t.rope_interleaved = &rope_interleaved;
  t.argmax = &argmax;
  t.read_words = &read_words;
#ifdef PIO_CPU_GEMM
  t.multiply_in_registers = &multiply_in_registers;
  t.products_a_round = kProductsARound;
#endif
#ifdef PIO_CPU_GEMM
  t.attend = &attend_in_any_format;
  t.attend_scratch_floats = &attend_scratch_floats_of_any;
#else
  t.attend = &attend;
  t.attend_scratch_floats = &attend_scratch_floats;
#endif
  t.decode_key_tile = &decode_key_tile;
  t.score_bound = &score_bound;
  t.merge_attention = &merge_attention;
  t.divide_attention = &divide_attention;
#ifdef PIO_CPU_COARSE
  t.coarse_lanes = kShortLanes;
  t.coarse_depth = kPairsDepth;
  t.coarse_rows = kPairRows;
  t.round_shorts = &round_shorts;
  t.pack_shorts = &pack_shorts;
  t.gemm_shorts = &gemm_shorts;
#endif
#ifdef PIO_CPU_SEGMENTS
  t.pack_segment = &pack_segment;
  t.segment_scratch_floats = &segment_scratch_floats;
  t.attend_segment = &attend_segment;
#endif
  return t;
}
