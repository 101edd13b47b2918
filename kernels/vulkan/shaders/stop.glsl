// A long dispatch looks once a workgroup whether it is still wanted.

shared uint stop_seen;

bool is_stopped(Flag flag) {
  if (lane() == 0u) stop_seen = flag.v;
  barrier();
  return stop_seen != 0u;
}
