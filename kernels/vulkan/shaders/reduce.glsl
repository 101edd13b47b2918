// Sums and the like over a workgroup, as a tree in shared memory: the same order whatever the device.

shared float partial[WIDTH];

float group_sum(float value) {
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
