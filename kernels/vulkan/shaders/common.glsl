// What every shader begins with. Tensors come as addresses, which know no alignment but their numbers' and no largest range.
//
// Nothing here depends on the size of a subgroup, and the size of a workgroup is a constant of the pipeline.

#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_EXT_shader_8bit_storage : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_control_flow_attributes : enable

layout(constant_id = 0) const uint WIDTH = 64;  // invocations of a workgroup, a power of two
layout(local_size_x_id = 0) in;

layout(buffer_reference, std430, buffer_reference_align = 4) buffer F32 { float v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer I32 { int v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer U32 { uint v[]; };
layout(buffer_reference, std430, buffer_reference_align = 2) buffer U16 { uint16_t v[]; };
layout(buffer_reference, std430, buffer_reference_align = 1) buffer U8 { uint8_t v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) volatile buffer Flag { uint v; };

#include "sizes.glsl"

uint group_index() { return gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x; }
uint lane() { return gl_LocalInvocationIndex; }

// An address so many bytes further on.
uvec2 moved(uvec2 address, uint n_bytes) {
  uint carry;
  const uint low = uaddCarry(address.x, n_bytes, carry);
  return uvec2(low, address.y + carry);
}

// An address so many rows further on, each of so many bytes.
uvec2 moved_by(uvec2 address, uint n_rows, uint row_bytes) {
  uint high, low, carry;
  umulExtended(n_rows, row_bytes, high, low);
  low = uaddCarry(address.x, low, carry);
  return uvec2(low, address.y + high + carry);
}

// IEEE halves by their bits: subnormal ones count, and NaN stays.
float half_to_float(uint bits) {
  const uint sign = (bits & 0x8000u) << 16, exponent = bits >> 10 & 31u, fraction = bits & 0x3ffu;
  if (exponent == 0u) return uintBitsToFloat(sign | floatBitsToUint(float(fraction) * 5.9604644775390625e-8));
  return uintBitsToFloat(sign | (exponent == 31u ? 0x7f800000u : (exponent + 112u) << 23) | fraction << 13);
}

uint float_to_half(float value) {
  const uint bits = floatBitsToUint(value), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return sign | 0x7e00u | (magnitude >> 13 & 0x3ffu);
  if (magnitude >= 0x47800000u) return sign | 0x7c00u;
  if (magnitude < 0x33000000u) return sign;
  uint kept, rest, tie;
  if (magnitude >= 0x38800000u) {
    kept = (magnitude >> 13) - (112u << 10);
    rest = magnitude & 0x1fffu;
    tie = 0x1000u;
  } else {
    const uint shift = 126u - (magnitude >> 23), fraction = (magnitude & 0x7fffffu) | 0x800000u;
    kept = fraction >> shift;
    rest = fraction & ((1u << shift) - 1u);
    tie = 1u << (shift - 1u);
  }
  if (rest > tie || (rest == tie && (kept & 1u) != 0u)) ++kept;
  return sign | kept;
}

uint float_to_bfloat(float value) {
  const uint bits = floatBitsToUint(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return bits >> 16 | 0x40u;
  return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

bool is_nan(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u; }
bool is_finite(float x) { return (floatBitsToUint(x) & 0x7f800000u) != 0x7f800000u; }

// The upper 12 bits of a float; what is left of it has 12 too (Veltkamp 1968; Dekker 1971, Numerische Mathematik 18).
float upper_half(float x) {
  precise const float c = 4097.0 * x;
  precise const float rest = c - x;
  precise const float upper = c - rest;
  return upper;
}

// a / b rounded once: a device's own division may be off by 2.5 units of the last place, and its fma need not be one.
float divided(float a, float b) {
  precise const float near = a / b;
  precise const float product = near * b;
  const float n = upper_half(near), m = upper_half(b);
  precise const float n_rest = near - n;
  precise const float m_rest = b - m;
  precise const float error = ((n * m - product) + n * m_rest + n_rest * m) + n_rest * m_rest;  // near * b = product + error, exactly
  precise const float rest = (a - product) - error;
  precise const float better = near + rest / b;
  return is_finite(better) ? better : near;
}

// exp within 2 units of the last place; a device's own is off by as many units as its argument is large. (Coefficients: Moshier, Cephes, expf.)
float exp_of(float x) {
  if (!(x > -104.0)) return is_nan(x) ? x : 0.0;
  if (x > 88.8) return uintBitsToFloat(0x7f800000u);
  precise const float n = floor(x * 1.44269504088896341 + 0.5);
  precise float r = x - n * 0.693359375;  // exact: the constant has 9 bits
  r = r - n * -2.12194440e-4;
  precise float p = 1.9875691500e-4;
  p = p * r + 1.3981999507e-3;
  p = p * r + 8.3334519073e-3;
  p = p * r + 4.1665795894e-2;
  p = p * r + 1.6666665459e-1;
  p = p * r + 5.0000001201e-1;
  p = p * (r * r) + r;
  p = p + 1.0;
  const int first = int(n) / 2, second = int(n) - first;  // in two steps: 2^n alone may be beyond the largest float
  return p * uintBitsToFloat(uint(first + 127) << 23) * uintBitsToFloat(uint(second + 127) << 23);
}

float silu_of(float x) { return is_nan(x) ? x : x / (1.0 + exp_of(-x)); }
