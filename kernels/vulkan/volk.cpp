// The functions of Vulkan, found when a program runs: no library of it is linked.
#define VOLK_IMPLEMENTATION
#include <volk.h>
