// Sums and the like over a workgroup: those of the device's subgroups first, whatever their size, or as a tree in shared memory.

#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require

layout(constant_id = 1) const uint BY_SUBGROUPS = 0;

shared float partial[WIDTH];

float group_sum(float value) {
  if (BY_SUBGROUPS != 0u) {
    const float of_subgroup = subgroupAdd(value);
    if (subgroupElect()) partial[gl_SubgroupID] = of_subgroup;
    barrier();
    precise float sum = 0.0;
    for (uint i = 0u; i < gl_NumSubgroups; ++i) sum += partial[i];
    barrier();
    return sum;
  }
  partial[lane()] = value;
  barrier();
  for (uint apart = WIDTH / 2u; apart > 0u; apart /= 2u) {
    if (lane() < apart) partial[lane()] += partial[lane() + apart];
    barrier();
  }
  const float sum = partial[0];
  barrier();
  return sum;
}

float group_max(float value) {
  if (BY_SUBGROUPS != 0u) {
    const float of_subgroup = subgroupMax(value);
    if (subgroupElect()) partial[gl_SubgroupID] = of_subgroup;
    barrier();
    float largest = partial[0];
    for (uint i = 1u; i < gl_NumSubgroups; ++i) largest = max(largest, partial[i]);
    barrier();
    return largest;
  }
  partial[lane()] = value;
  barrier();
  for (uint apart = WIDTH / 2u; apart > 0u; apart /= 2u) {
    if (lane() < apart) partial[lane()] = max(partial[lane()], partial[lane() + apart]);
    barrier();
  }
  const float largest = partial[0];
  barrier();
  return largest;
}
