// Products of integers of 8 bits, four at a time.

// 0: activations as they are. Rounded to 8 bits: 1 with the arithmetic that every device has, 2 with the instruction for four products and their sum,
// in the binaries that ask for it. Both are exact.
layout(constant_id = 2) const uint DOT = 0;

#ifdef HAS_DOT
#extension GL_EXT_spirv_intrinsics : require
// OpSDot; `form` 0: four numbers of 8 bits in a word.
spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [6018, 6019], id = 4450)
int integer_dot(int a, int b, spirv_literal int form);
#endif

int dot4(uint a, uint b) {
#ifdef HAS_DOT
  if (DOT == 2u) return integer_dot(int(a), int(b), 0);
#endif
  int sum = 0;
  [[unroll]] for (int j = 0; j < 4; ++j) sum += bitfieldExtract(int(a), 8 * j, 8) * bitfieldExtract(int(b), 8 * j, 8);
  return sum;
}

// The largest magnitude becomes 127. What is not finite makes the scale a NaN.
void round_to_8_bits(float values[ROUNDED_BLOCK], out uint codes[ROUNDED_WORDS], out float scale) {
  float largest = 0.0;
  bool is_wild = false;
  [[unroll]] for (uint j = 0u; j < ROUNDED_BLOCK; ++j) {
    largest = max(largest, abs(values[j]));
    if (!is_finite(values[j])) is_wild = true;
  }
  precise const float step = largest * 0.00787401574803149606;
  scale = is_wild ? uintBitsToFloat(0x7fc00000u) : step;
  const float inverse = !is_wild && largest > 1e-30 ? 127.0 / largest : 0.0;
  [[unroll]] for (uint word = 0u; word < ROUNDED_WORDS; ++word) {
    uint packed = 0u;
    [[unroll]] for (uint j = 0u; j < IN_A_WORD; ++j) {
      precise const float product = values[word * IN_A_WORD + j] * inverse;
      precise const float nearest = floor(product + 0.5);
      packed |= uint(clamp(is_wild ? 0 : int(nearest), -127, 127) & 255) << 8u * j;
    }
    codes[word] = packed;
  }
}
