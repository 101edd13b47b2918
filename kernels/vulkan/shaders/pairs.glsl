// Ops that make a value of one or two.

layout(push_constant) uniform Params {
  F32 y;
  F32 a;
  F32 b;
  uint n;
  float factor;
};

uint value_index() { return group_index() * WIDTH + lane(); }
