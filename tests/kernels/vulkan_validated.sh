#!/usr/bin/env bash
# Runs the conformance suite on a software renderer under Vulkan's validation layers, with synchronization checked too: any message is a failure.
# usage: vulkan_validated.sh CONFORMANCE_TEST [ARGUMENTS OF GOOGLETEST]
set -euo pipefail
suite=$1
shift
export PIO_VULKAN_SOFTWARE=1 VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation VK_LAYER_ENABLES=VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT
words=$(mktemp)
trap 'rm -f "$words"' EXIT
VK_LOADER_DEBUG=layer "$suite" --gtest_filter='*/Backends.IsHere/vulkan' >"$words" 2>&1 || true
if ! grep -q 'Insert instance layer "VK_LAYER_KHRONOS_validation"' "$words"; then
  echo "The validation layers are not here (vulkan-validationlayers), or no module that loads them" >&2
  exit 1
fi
if grep -q SKIPPED "$words"; then
  echo "No software renderer for Vulkan is here (mesa-vulkan-drivers)" >&2
  exit 1
fi
status=0
# Stops are timed, and the layers take time of their own: they run without them, with the other tests.
# The other forms of sums and of products of 8 bits run where they make a difference.
other='vulkan_shared_integers'
tests="*/vulkan:All/LayerNorm.*/$other:All/Matmul*/$other:All/MoeExperts.*Format/$other:All/Projections.*/$other:All/RmsNorm.*/$other"
tests+=":All/RouteExperts.*/$other"
"$suite" --gtest_filter="$tests:-*/Stop.*" "$@" 2>&1 | tee "$words" || status=$?
if grep -E -q 'VUID-|SYNC-HAZARD|UNASSIGNED-|Validation (Error|Warning)' "$words"; then
  echo "The validation layers said something" >&2
  exit 1
fi
exit "$status"
